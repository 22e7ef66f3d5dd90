"""`python -m zookeeper_operator`: the program is read when a signal can end the process."""

from zookeeper_operator.first_process import end_on_sigterm

if __name__ == "__main__":
    end_on_sigterm()
    from zookeeper_operator.process import main

    main()
