"""The ways out: one module for each kind of channel, and what may become of what is sent."""
