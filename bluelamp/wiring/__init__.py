"""What all commands share: settings, connections, clock, ports, processes and arguments."""
