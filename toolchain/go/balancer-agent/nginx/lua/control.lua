-- What the agent asks on its own socket.

local json = require("cjson.safe")
local count = require("altostratus.count")
local tables = require("altostratus.table")

local M = {}

local function body()
    ngx.req.read_body()
    local text = ngx.req.get_body_data()
    if text then
        return text
    end
    local name = ngx.req.get_body_file()
    local file = name and io.open(name)
    if not file then
        return ""
    end
    text = file:read("*a")
    file:close()
    return text
end

function M.table()
    local problem = tables.set(body())
    if problem then
        ngx.status = 400
        ngx.say(problem)
    end
end

function M.figures()
    count.sweep()
    local serving, queued = count.all()
    -- An empty table would become a list.
    ngx.say(json.encode({ serving = next(serving) and serving, queued = next(queued) and queued,
        generation = M.generation }))
end

function M.closing()
    count.closing(ngx.var.arg_on == "1" or nil)
end

return M
