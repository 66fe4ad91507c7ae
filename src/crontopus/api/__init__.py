"""The REST API and ping URLs on Litestar: thin controllers, one per noun; they translate and nothing else."""
