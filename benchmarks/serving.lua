-- For wrk: asks for the addresses in the file PATHS, one after the other. With FRESH each text is new: a comment is added.
local paths, n = {}, 0
for line in io.lines(os.getenv("PATHS")) do paths[#paths + 1] = line end
local fresh = os.getenv("FRESH")

request = function()
  n = n + 1
  local path = paths[n % #paths + 1]
  if fresh then path = path .. "%20%23" .. fresh .. "." .. n end
  return wrk.format("GET", path, { ["Accept"] = "application/sparql-results+json", ["Host"] = "localhost" })
end

done = function(summary, latency, requests)
  local wrong = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(95), wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout))
end
