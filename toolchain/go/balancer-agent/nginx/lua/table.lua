-- The table of members and shares: kept in shared memory by the agent, decoded once by each worker.

local json = require("cjson.safe")

local M = {}

local shared = ngx.shared.alto_table
local current = { splits = {}, backends = {} }
local version = -1

local function prepare(decoded)
    for name, backend in pairs(decoded.backends) do
        backend.name = name
        backend.byId = {}
        for _, member in ipairs(backend.members) do
            backend.byId[member.id] = member
        end
    end
    return decoded
end

-- Called once by the agent, whenever something has changed.
function M.set(text)
    local decoded, problem = json.decode(text)
    if not decoded then
        return problem
    end
    local ok, why = shared:set("table", text)
    if not ok then
        return why
    end
    shared:incr("version", 1, 0)
end

-- At the start of the master, so that the first request finds members. After a reload the memory is still there.
function M.load(path)
    if shared:get("version") then
        return
    end
    local file = io.open(path)
    if file then
        M.set(file:read("*a"))
        file:close()
    end
end

function M.current()
    local now = shared:get("version")
    if now ~= version and now then
        local decoded = json.decode(shared:get("table"))
        if decoded then
            current, version = prepare(decoded), now
        end
    end
    return current
end

return M
