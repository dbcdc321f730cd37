"""The retired SDK's own usage statistics, sent to Microsoft. Kept for imports; nothing is collected and nothing is sent."""
