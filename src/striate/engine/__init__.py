"""From a graph to a plan that runs: passes, memory, choice of kernel."""
