"""The parts of the simulated cluster an operator process lives among."""

from dataclasses import dataclass, field

from tests.simulation.api_server import ApiServer
from tests.simulation.kubelet import Kubelet
from tests.simulation.source import Source
from tests.simulation.stage import Stage
from tests.simulation.weather import Weather
from tests.simulation.zookeeper import Network


@dataclass(frozen=True)
class Surroundings:
    """What is outside of an operator; `hidden` are the members whose answers do not reach it."""

    stage: Stage
    api: ApiServer
    network: Network
    kubelet: Kubelet
    weather: Weather
    source: Source
    hidden: set[int] = field(default_factory=set)
