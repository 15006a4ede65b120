"""The kit that every engine image carries: contract, runner, child process, health."""
