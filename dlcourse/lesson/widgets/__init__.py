"""Live figures: pure frames, and the sliders above them."""
