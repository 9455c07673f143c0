"""What a training run is: a base diagram, how it is trained, where the result is deployed."""
