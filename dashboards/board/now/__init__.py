"""The Now and Wall pages: what is happening in the force at this moment."""
