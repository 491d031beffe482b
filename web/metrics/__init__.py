"""What is measured of tasks, workers and queues, and how Prometheus is told of it."""
