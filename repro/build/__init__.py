"""From chapters to the site: execute with papermill, gather the scorecard, build the pages, assert what was built."""
