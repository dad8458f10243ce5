"""What `likeness bench` runs: figures on your own data, side by side with named peers."""
