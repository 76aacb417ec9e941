"""The four-layer model: who stands at each layer of each unit, and what the layer's own proof says."""
