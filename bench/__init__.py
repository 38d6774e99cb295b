"""Side by side with the peers: `python -m bench` times every workload, `--help` tells how."""
