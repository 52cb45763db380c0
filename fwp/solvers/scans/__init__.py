"""From steps to states, one interpretation a file: one step after the other, in chunks, as a tree, or fused into one kernel."""
