"""The ground: what a check-in, a silence or an edit means. Pure and synchronous; time is an argument."""
