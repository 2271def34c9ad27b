-- A page, again and again.
function done(summary, latency, requests)
  io.write(string.format("FIGURES %d %d %f %d %d\n", summary.requests, summary.errors.status
    + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
