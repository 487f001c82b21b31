"""What `bluelamp check` looks at, one module for each kind of part; `bluelamp.checking` asks them all."""
