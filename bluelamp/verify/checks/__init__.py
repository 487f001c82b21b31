"""What `bluelamp check` looks at, one module for each kind of part; `bluelamp.verify.check` asks them all."""
