-- Requests in flight, counted in shared memory by worker: a worker that dies takes its counts with it.

local M = {}

local shared = ngx.shared.alto_count
local MOST = 64 -- workers at a time, those of before a reload included
local slot = 0

local function alive(pid)
    local file = io.open("/proc/" .. pid .. "/stat")
    if file then
        file:close()
        return true
    end
    return false
end

-- Every worker has a slot of its own from its start.
function M.claim()
    local pid = ngx.worker.pid()
    for i = 1, MOST do
        if shared:add("slot:" .. i, pid) then
            slot = i
            if i > (shared:get("slots") or 0) then
                shared:set("slots", i)
            end
            return
        end
    end
    ngx.log(ngx.ERR, "there are more than ", MOST, " workers; this one's requests are not counted")
end

-- Frees the slots of workers that are gone.
function M.sweep()
    local dead = {}
    for i = 1, shared:get("slots") or 0 do
        local pid = shared:get("slot:" .. i)
        if pid and not alive(pid) then
            dead[tostring(i)] = true
        end
    end
    if not next(dead) then
        return
    end
    for _, key in ipairs(shared:get_keys(0)) do
        local owner = key:match("^[mq]:(%d+):")
        if owner and dead[owner] then
            shared:delete(key)
        end
    end
    for i in pairs(dead) do
        shared:delete("slot:" .. i)
    end
end

local function change(kind, name, by)
    if slot > 0 then
        shared:incr(kind .. slot .. ":" .. name, by, 0)
    end
end

local function total(kind, name)
    local sum = 0
    for i = 1, shared:get("slots") or 0 do
        sum = sum + (shared:get(kind .. i .. ":" .. name) or 0)
    end
    return sum
end

function M.serve(backend, member, by)
    change("m:", backend .. "/" .. member, by)
end

function M.serving(backend, member)
    return total("m:", backend .. "/" .. member)
end

function M.wait(backend, by)
    change("q:", backend, by)
end

function M.waiting(backend)
    return total("q:", backend)
end

-- All counts, by kind and name.
function M.all()
    local serving, queued = {}, {}
    for _, key in ipairs(shared:get_keys(0)) do
        local kind, name = key:match("^([mq]):%d+:(.*)$")
        if kind then
            local into = kind == "m" and serving or queued
            into[name] = (into[name] or 0) + (shared:get(key) or 0)
        end
    end
    return serving, queued
end

-- A member that failed is left alone for a moment.
function M.failed(backend, member)
    shared:set("d:" .. backend .. "/" .. member, true, 2)
end

function M.failing(backend, member)
    return shared:get("d:" .. backend .. "/" .. member)
end

-- While closing, answers ask clients to open another connection.
function M.closing(on)
    shared:set("closing", on)
end

function M.is_closing()
    return shared:get("closing")
end

return M
