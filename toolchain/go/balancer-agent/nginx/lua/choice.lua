-- Which backend of a split, and which member of a backend, gets a request.

local count = require("altostratus.count")

local M = {}

local MANY = 16 -- from here on, least connections compares some members instead of all
local turns = {}

function M.backend(parts)
    local point = math.random()
    local last
    for _, part in ipairs(parts) do
        if part.part > 0 then
            last = part.backend
            point = point - part.part
            if point < 0 then
                return last
            end
        end
    end
    return last
end

-- A number that is spread evenly and the same everywhere for equal text.
local function spread(text)
    return ngx.crc32_long(text)
end

local function free(backend, member)
    return backend.most == 0 or count.serving(backend.name, member.id) < backend.most
end

local function usable(backend, member, avoid)
    if avoid[member.id] or not free(backend, member) then
        return false
    end
    if backend.startSlowly > 0 then
        local age = ngx.now() - member.since
        return age >= backend.startSlowly or math.random() < math.max(age / backend.startSlowly, 0.05)
    end
    return true
end

-- The one with the greatest hash of client and member: when members change, few clients change theirs.
local function by_hash(backend, key, avoid)
    local best, highest
    for _, member in ipairs(backend.members) do
        local value = spread(key .. "|" .. member.id)
        if (not highest or value > highest) and not avoid[member.id] and free(backend, member) then
            best, highest = member, value
        end
    end
    return best
end

local function least(backend, avoid)
    local members = backend.members
    local best, fewest
    local number = math.min(#members, MANY)
    local first = math.random(#members)
    for i = 0, number - 1 do
        local member = members[(first + i - 1) % #members + 1]
        if usable(backend, member, avoid) then
            local serving = count.serving(backend.name, member.id)
            if not fewest or serving < fewest then
                best, fewest = member, serving
            end
        end
    end
    return best
end

local function in_turn(backend, avoid)
    local members = backend.members
    local turn = turns[backend.name] or math.random(#members)
    for i = 1, #members do
        local member = members[(turn + i - 1) % #members + 1]
        if usable(backend, member, avoid) then
            turns[backend.name] = turn + i
            return member
        end
    end
end

local function sticky(backend, avoid)
    local affinity = backend.affinity
    if affinity.by == "cookie" then
        local wanted = ngx.var["cookie_" .. affinity.name]
        if not wanted then
            return nil
        end
        for _, member in ipairs(backend.members) do
            if member.cookie == wanted and not avoid[member.id] then
                return member
            end
        end
        return nil
    end
    local key = ngx.var.remote_addr
    if affinity.by == "header" then
        key = ngx.var["http_" .. affinity.name:lower():gsub("-", "_")] or key
    end
    return by_hash(backend, key, avoid)
end

local function any(backend, avoid)
    if backend.algorithm == "source" then
        return by_hash(backend, ngx.var.remote_addr, avoid)
    elseif backend.algorithm == "least-connections" then
        return least(backend, avoid)
    end
    return in_turn(backend, avoid)
end

-- Who takes it; nil where nobody can now. `avoid` are members, by id, that failed this request already.
function M.member(backend, avoid)
    if #backend.members == 0 then
        return nil
    end
    local found = backend.affinity and sticky(backend, avoid)
    if found and free(backend, found) then
        return found
    end
    local shunned = setmetatable({}, { __index = avoid })
    for _, member in ipairs(backend.members) do
        if count.failing(backend.name, member.id) then
            shunned[member.id] = true
        end
    end
    -- All of them failed just now, or all are starting slowly: better one of those than nobody.
    return any(backend, shunned) or any(backend, avoid) or (next(avoid) and any(backend, {})) or nil
end

return M
