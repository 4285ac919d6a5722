-- One request: from the choice of its member, over the waiting room, to its end.

local balancer = require("ngx.balancer")
local choice = require("altostratus.choice")
local count = require("altostratus.count")
local page = require("altostratus.page")
local tables = require("altostratus.table")

local M = {}

local function refuse(reason, notice)
    ngx.var.alto_reason = reason
    ngx.status = 503
    ngx.header["Content-Type"] = "text/html; charset=utf-8"
    ngx.header["Cache-Control"] = "no-store"
    ngx.header["Retry-After"] = "5"
    ngx.header["X-Altostratus-Reason"] = reason
    local text = page.make(reason, notice)
    ngx.header["Content-Length"] = #text
    ngx.print(text)
    return ngx.exit(ngx.HTTP_OK)
end

-- Many that wait ask less often, so that asking never costs more than a fraction of a processor.
local function pause(backend)
    return 0.02 + count.waiting(backend) / 20000
end

local function take(backend, member)
    count.serve(backend.name, member.id, 1)
    ngx.var.alto_backend = backend.name
    ngx.var.alto_member = member.id
    local own = ngx.ctx.alto or { tried = {} }
    own.backend, own.member = backend, member
    ngx.ctx.alto = own
end

local function release()
    local own = ngx.ctx.alto
    if own then
        count.serve(own.backend.name, own.member.id, -1)
        ngx.ctx.alto = nil
    end
end

-- Another worker may have taken the same last place meanwhile: whoever finds too many steps back.
local function claim(backend, member)
    take(backend, member)
    if backend.most == 0 or count.serving(backend.name, member.id) <= backend.most then
        return true
    end
    release()
    ngx.var.alto_member = ""
    return false
end

-- The backend for a split's next request, and whether it has a member for it, which is taken then.
local function look(split, known)
    local now = tables.current()
    local parts = now.splits[split]
    local name = parts and choice.backend(parts)
    local backend = name and now.backends[name]
    if not backend then
        return known, false
    end
    local member = not backend.maintenance and choice.member(backend, {})
    return backend, member and claim(backend, member)
end

-- Why the wait was in vain; nil where it was not.
local function wait(split, first)
    if count.waiting(first.name) >= first.length then
        return "queue-full"
    end
    count.wait(first.name, 1)
    ngx.ctx.alto_waits = first.name -- should this end while it sleeps
    local deadline = ngx.now() + first.wait
    local backend, taken = first, false
    while not taken and not backend.maintenance and ngx.now() < deadline do
        ngx.sleep(pause(first.name))
        backend, taken = look(split, first)
    end
    ngx.ctx.alto_waits = nil
    count.wait(first.name, -1)
    if taken then
        return nil
    end
    if backend.maintenance then
        return "maintenance", backend.maintenance
    end
    return #backend.members > 0 and "queue-timeout" or "no-members"
end

-- In the access phase: chooses, and waits where nobody can take it now.
function M.enter(split)
    local backend, taken = look(split)
    if not backend then
        return refuse("no-members")
    end
    ngx.var.alto_backend = backend.name
    if backend.maintenance then
        return refuse("maintenance", backend.maintenance)
    end
    if not taken then
        local reason, notice = wait(split, backend)
        if reason then
            return refuse(reason, notice)
        end
    end
end

-- In the balancer's phase: at first, and again for every retry.
function M.balance()
    local own = ngx.ctx.alto
    local backend = own.backend
    if own.begun then
        own.tried[own.member.id] = true
        if balancer.get_last_failure() == "failed" then
            count.failed(backend.name, own.member.id)
        end
        local current = tables.current().backends[backend.name] or backend
        local other = choice.member(current, own.tried)
        if other and other.id ~= own.member.id then
            count.serve(backend.name, own.member.id, -1)
            take(current, other)
        end
    elseif backend.retries > 0 then
        balancer.set_more_tries(backend.retries)
    end
    own.begun = true
    local silence = ngx.var.http_upgrade and backend.tunnel or backend.server
    balancer.set_timeouts(backend.connect, silence, silence)
    local ok, problem = balancer.set_current_peer(own.member.host, own.member.port)
    if not ok then
        ngx.log(ngx.ERR, "member ", own.member.id, ": ", problem)
        return ngx.exit(502)
    end
end

-- Before the answer's head goes out.
function M.head()
    if count.is_closing() then
        ngx.header["Connection"] = "close"
    end
    local own = ngx.ctx.alto
    local affinity = own and own.backend.affinity
    if not affinity or affinity.by ~= "cookie" or ngx.var["cookie_" .. affinity.name] == own.member.cookie then
        return
    end
    local cookie = affinity.name .. "=" .. own.member.cookie .. "; Path=/; HttpOnly; SameSite=Lax"
    if affinity.lifetime > 0 then
        cookie = cookie .. "; Max-Age=" .. math.ceil(affinity.lifetime)
    end
    local set = ngx.header["Set-Cookie"] or {}
    if type(set) ~= "table" then
        set = { set }
    end
    set[#set + 1] = cookie
    ngx.header["Set-Cookie"] = set
end

-- At the very end, however it came.
function M.leave(split)
    ngx.var.alto_split = split
    local own = ngx.ctx.alto
    release()
    if ngx.ctx.alto_waits then
        count.wait(ngx.ctx.alto_waits, -1)
        ngx.ctx.alto_waits = nil
    end
    if ngx.status == 429 and not own then
        ngx.var.alto_reason = "rate-limit"
    end
end

return M
