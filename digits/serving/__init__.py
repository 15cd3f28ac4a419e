"""The page and the HTTP API: requests, queue, guard, pictures to show, tools for assistants."""
