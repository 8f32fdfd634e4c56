-- wrk's side: the target comes from BENCH_TARGET (absolute-form for a forward proxy), the Host header from
-- BENCH_HOST, an optional number of requests to stop after from BENCH_REQUESTS. Ends with one line of JSON.

wrk.path = os.getenv("BENCH_TARGET")
wrk.headers["Host"] = os.getenv("BENCH_HOST")

local count = tonumber(os.getenv("BENCH_REQUESTS") or "")

if count then
    local seen = 0
    function response()
        seen = seen + 1
        if seen == count then wrk.thread:stop() end
    end
end

function done(summary, latency)
    local errors = summary.errors
    print(string.format(
        'bench: {"requests": %d, "seconds": %.6f, "bytes": %d, "p50_us": %.1f, "p99_us": %.1f, '
            .. '"errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}',
        summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50), latency:percentile(99),
        errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
