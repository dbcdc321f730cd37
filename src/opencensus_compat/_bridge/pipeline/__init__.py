"""From what OpenCensus code made to its Application Insights resource: queues, batches, losses, the end of the process."""
