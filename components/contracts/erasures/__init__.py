"""What was erased, so that nothing brings it back: tombstones, and who obeys them."""
