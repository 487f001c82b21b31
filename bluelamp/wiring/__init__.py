"""What every command needs: settings, connections, clock, ports, processes and arguments."""
