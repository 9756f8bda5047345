"""Architecture: the tree of a model with its costs, and the graph of a real forward, as figures and as a drawing."""
