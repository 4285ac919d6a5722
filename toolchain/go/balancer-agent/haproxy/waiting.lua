-- The waiting room: requests for a backend without a serving member wait here until one comes.
-- HAProxy alone would answer 503 at once. Only requests that find nobody ever come here.

local waiting = 0

-- Many that wait ask less often, so that asking never costs more than a fraction of a processor.
local function pause()
    return 20 + math.floor(waiting / 20)
end

-- A process that finishes after a reload calls every backend empty; it must not keep requests here.
local function stopping(txn)
    local told = txn.f:stopping()
    return told == true or told == 1
end

core.register_action("alto_wait", { "http-req", "tcp-req" }, function(txn, limit)
    local begun = core.now()
    local most = tonumber(limit)
    waiting = waiting + 1
    while txn.f:nbsrv() == 0 and not stopping(txn) do
        core.msleep(pause())
        local now = core.now()
        local waited = (now.sec - begun.sec) * 1000 + (now.usec - begun.usec) / 1000
        if waited >= most then
            txn:set_var("txn.reason", "no-members")
            break
        end
    end
    waiting = waiting - 1
end, 1)
