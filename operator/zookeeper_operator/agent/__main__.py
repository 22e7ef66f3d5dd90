"""`python -m zookeeper_operator.agent COMMAND`: the program is read when a signal can end the process."""

import sys

from zookeeper_operator.first_process import end_on_sigterm

if __name__ == "__main__":
    end_on_sigterm()
    from zookeeper_operator.agent.program import main

    sys.exit(main())
