"""A tree of znodes on the screen: pure, from what was read."""

from typing import Any

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from zookeeper_operator.cli.sizes import human_size
from zookeeper_operator.zookeeper.znodes import Znode


def render_tree(top: Znode) -> RenderableType:
    """Return the tree: each znode with its size and the number of its children."""
    tree = Tree(_label(top, top.path))
    _grow(tree, top)
    return tree


def _grow(tree: Tree, node: Znode) -> None:
    for child in node.children:
        _grow(tree.add(_label(child, child.path.rpartition("/")[2])), child)
    left = node.count - len(node.children)
    if node.children and left > 0:
        tree.add(Text(f"… {left} more", style="dim"))


def _label(node: Znode, name: str) -> Text:
    label = Text(name, style="bold" if node.count else "")
    if node.hidden:
        return label.append("  may not be read", style="yellow")
    facts = [human_size(node.size)] if node.size else []
    if node.count:
        facts.append(f"{node.count} {'child' if node.count == 1 else 'children'}")
    if node.ephemeral:
        facts.append("ephemeral")
    return label.append(f"  {', '.join(facts) or 'empty'}", style="dim not bold")


def tree_as_value(node: Znode) -> dict[str, Any]:
    """Return what `-o json` prints."""
    return {
        "path": node.path,
        "size": node.size,
        "childCount": node.count,
        "ephemeral": node.ephemeral,
        "readable": not node.hidden,
        "children": [tree_as_value(child) for child in node.children],
    }
