-- arg: body with %d where a number makes each post another person's; "visit" draws the form first.
local body, visit, number, token, turn, counted = nil, false, 0, nil, 0, 0
local threads = {}
function setup(thread)
  thread:set("id", #threads)
  table.insert(threads, thread)
end
function init(args)
  body = args[1]
  visit = args[2] == "visit"
  token = args[3] or ""
  seed = args[4] or "0"
  posts = 0
  wrong = 0
end
function request()
  turn = turn + 1
  if visit and (token == "" or turn % 2 == 1) then return wrk.format("GET") end
  number = number + 1
  local filled = body:gsub("NUMBER", id .. "x" .. number .. "x" .. seed):gsub("TOKEN", token)
  return wrk.format("POST", nil, {
    ["Content-Type"] = "application/x-www-form-urlencoded", ["Sec-Fetch-Site"] = "same-origin"
  }, filled)
end
function response(status, headers, text)
  if status == 303 then posts = posts + 1
  elseif status == 200 and visit then
    local found = text:match('name="form_token"[^>]-value="([^"]+)"')
    if found then token = found end
  else wrong = wrong + 1 end
end
function done(summary, latency, requests)
  local posts, wrong = 0, 0
  for _, thread in ipairs(threads) do
    posts = posts + thread:get("posts")
    wrong = wrong + thread:get("wrong")
  end
  local e = summary.errors
  io.write(string.format("FIGURES %d %d %f %d %d\n", posts, wrong + e.connect + e.read + e.write
    + e.timeout, summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
