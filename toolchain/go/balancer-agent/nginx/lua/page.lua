-- The page that says why nobody answers.

local texts = require("altostratus.reasons")

local M = {}

local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&#34;", ["'"] = "&#39;" }

function M.make(reason, notice)
    local shown = (notice or ""):gsub("[&<>\"']", escapes)
    return (texts.page:gsub("@(%u+)@", { REASON = texts.reasons[reason] or "", NOTICE = shown }))
end

return M
