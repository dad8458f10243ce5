"""Exchange of hashes: lists an operator is entitled to, programmes, and guided hand-over."""
