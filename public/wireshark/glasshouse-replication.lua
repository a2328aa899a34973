-- Wireshark dissector for Glasshouse's replication: messages between taps, gateways and recovery volumes, and the
-- update sets in them. Formats: core/storage/replication-message.ts and core/formats/update-set.ts.
-- Use: tshark -X lua_script:glasshouse-replication.lua -r run.pcapng, or copy it to Wireshark's plugin folder.

local kinds = {
  [1] = "open", [2] = "resume", [3] = "write", [4] = "seal", [5] = "close", [6] = "drop", [7] = "ping",
  [16] = "opened", [17] = "resumed", [18] = "staged", [19] = "full", [20] = "drained", [21] = "lost", [22] = "report", [23] = "pong",
  [32] = "fence", [33] = "set", [48] = "fenced", [49] = "applied", [50] = "refused", [64] = "promote", [65] = "promoted",
}
local HEAD, SET_HEAD, EXTENT = 40, 52, 12

local message = Proto("ghrepl", "Glasshouse replication message")
local m = {
  kind = ProtoField.uint8("ghrepl.kind", "Kind", base.DEC, kinds),
  length = ProtoField.uint32("ghrepl.length", "Payload bytes"),
  workload = ProtoField.uint32("ghrepl.workload", "Workload"),
  term = ProtoField.uint32("ghrepl.term", "Term"),
  first = ProtoField.double("ghrepl.first", "First"),
  second = ProtoField.double("ghrepl.second", "Second"),
  third = ProtoField.double("ghrepl.third", "Third"),
  payload = ProtoField.bytes("ghrepl.payload", "Payload"),
}
message.fields = m

local set = Proto("ghus", "Glasshouse update set")
local s = {
  version = ProtoField.uint8("ghus.version", "Version"),
  deflated = ProtoField.bool("ghus.deflated", "Deflated", 8, nil, 0x01),
  resync = ProtoField.bool("ghus.resync", "From a bitmap", 8, nil, 0x02),
  workload = ProtoField.uint32("ghus.workload", "Workload"),
  term = ProtoField.uint32("ghus.term", "Term"),
  base = ProtoField.uint32("ghus.base", "Base"),
  sequence = ProtoField.uint32("ghus.sequence", "Sequence"),
  sealed = ProtoField.uint64("ghus.sealed", "Sealed at (ns)"),
  digest = ProtoField.bytes("ghus.digest", "Digest"),
  extents = ProtoField.uint32("ghus.extents", "Extents"),
  raw = ProtoField.uint32("ghus.raw", "Raw bytes"),
  payload = ProtoField.uint32("ghus.payload", "Payload bytes"),
  offset = ProtoField.uint64("ghus.extent.offset", "Byte offset"),
  count = ProtoField.uint32("ghus.extent.count", "Byte count"),
  check = ProtoField.uint32("ghus.check", "CRC32C", base.HEX),
  good = ProtoField.bool("ghus.check_good", "CRC32C is right"),
}
set.fields = s

local bit = bit or bit32 or require("bit32")
local remainders = {}
for byte = 0, 255 do
  local value = byte
  for _ = 1, 8 do
    local odd = bit.band(value, 1) == 1
    value = bit.rshift(value, 1)
    if odd then value = bit.bxor(value, 0x82f63b78) end
  end
  remainders[byte] = value
end

local function crc32c(tvb)
  local bytes = tvb:bytes()
  local value = bit.bnot(0)
  for index = 0, bytes:len() - 1 do
    value = bit.bxor(remainders[bit.band(bit.bxor(value, bytes:get_index(index)), 0xff)], bit.rshift(value, 8))
  end
  return bit.band(bit.bnot(value), 0xffffffff) % 0x100000000
end

function set.dissector(tvb, info, tree)
  if tvb:len() < SET_HEAD + 4 or tvb(0, 4):string() ~= "GHUS" then return 0 end
  local top = tree:add(set, tvb(), "Glasshouse update set, workload " .. tvb(8, 4):le_uint() .. ", sequence " .. tvb(20, 4):le_uint())
  top:add_le(s.version, tvb(4, 1))
  top:add(s.deflated, tvb(5, 1))
  top:add(s.resync, tvb(5, 1))
  for index, field in ipairs({ s.workload, s.term, s.base, s.sequence }) do top:add_le(field, tvb(4 + 4 * index, 4)) end
  top:add_le(s.sealed, tvb(24, 8))
  top:add(s.digest, tvb(32, 8))
  for index, field in ipairs({ s.extents, s.raw, s.payload }) do top:add_le(field, tvb(36 + 4 * index, 4)) end
  local extents = tvb(40, 4):le_uint()
  for index = 0, math.min(extents, 4096) - 1 do
    local at = SET_HEAD + EXTENT * index
    if at + EXTENT > tvb:len() then break end
    local extent = top:add(set, tvb(at, EXTENT), "Extent " .. index)
    extent:add_le(s.offset, tvb(at, 8))
    extent:add_le(s.count, tvb(at + 8, 4))
  end
  local last = tvb:len() - 4
  local check = tvb(last, 4):le_uint()
  top:add_le(s.check, tvb(last, 4))
  local good = top:add(s.good, tvb(last, 4), check == crc32c(tvb(0, last)))
  good:set_generated()
  return tvb:len()
end

local function lengthOf(tvb, _, offset)
  return HEAD + tvb(offset + 4, 4):le_uint()
end

local function dissectOne(tvb, info, tree)
  local kind = tvb(3, 1):uint()
  local name = kinds[kind] or "unknown"
  local top = tree:add(message, tvb(), "Glasshouse replication: " .. name)
  top:add(m.kind, tvb(3, 1))
  top:add_le(m.length, tvb(4, 4))
  top:add_le(m.workload, tvb(8, 4))
  top:add_le(m.term, tvb(12, 4))
  for index, field in ipairs({ m.first, m.second, m.third }) do top:add_le(field, tvb(8 + 8 * index, 8)) end
  info.cols.protocol = "GHREPL"
  info.cols.info:append(" " .. name .. " w" .. tvb(8, 4):le_uint())
  if tvb:len() > HEAD then
    local payload = tvb(HEAD)
    if kind == 33 then set.dissector(payload:tvb(), info, top) else top:add(m.payload, payload) end
  end
  return tvb:len()
end

function message.dissector(tvb, info, tree)
  if tvb:len() >= 3 and (tvb(0, 2):string() ~= "GR" or tvb(2, 1):uint() ~= 1) then return 0 end
  dissect_tcp_pdus(tvb, tree, HEAD, lengthOf, dissectOne)
  return tvb:len()
end

for port = 7001, 7004 do DissectorTable.get("tcp.port"):add(port, message) end
