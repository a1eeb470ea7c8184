"""What a deployment on Kubernetes takes from the code: topics, each service's permissions in Kafka, settings."""
