// Write files with one library of npm, as write.py does: node write.mjs WRITER FOLDER MODULES < rows.json
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [writer, folder, modules] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "x.js"));
const NAMES = ["country_code", "last_order_ts", "total_orders", "voucher_amount"];

function columns(kind, rows) {
  const values = Object.fromEntries(NAMES.map((n) => [n, rows.map((row) => row[n])]));
  if (kind !== "text") values.last_order_ts = values.last_order_ts.map((v) => (v === null ? null : new Date(v / 1000)));
  if (kind === "dates") values.voucher_amount = values.voucher_amount.map((v) => (v === null ? null : Number(v)));
  return values;
}

async function* hyparquet(kind, rows) {
  const resolved = path.resolve(modules, "node_modules/hyparquet-writer/src/index.js");
  const { parquetWriteBuffer } = await import(pathToFileURL(resolved));
  const text = kind === "text";
  const types = { country_code: "STRING", last_order_ts: text ? "STRING" : "TIMESTAMP", total_orders: text ? "STRING" : "DOUBLE", voucher_amount: text ? "STRING" : "DOUBLE" };
  const data = (more = {}) => NAMES.map((name) => ({ name, data: columns(kind, rows)[name], type: types[name], ...more }));
  const extra = [{ name: "more", data: rows.map((_, i) => ({ id: i, tags: ["a", "b"] })), type: "JSON" }];
  const save = (options) => (file) => fs.writeFileSync(file, Buffer.from(parquetWriteBuffer(options)));
  yield ["plain", save({ columnData: data() })];
  yield ["extra", save({ columnData: [...extra, ...data()] })];
  if (!["nulls", "empty"].includes(kind)) yield ["guess", save({ columnData: data().map(({ name, data }) => ({ name, data })) })];
  yield ["uncompressed", save({ columnData: data(), codec: "UNCOMPRESSED" })];
  yield ["gzip", save({ columnData: data(), codec: "GZIP", compressors: { GZIP: (b) => zlib.gzipSync(b) } })];
  yield ["groups", save({ columnData: data(), rowGroupSize: 130, pageSize: 300 })];
  yield ["nostats", save({ columnData: data(), statistics: false })];
  yield ["index", save({ columnData: data({ columnIndex: true, offsetIndex: true, bloomFilter: true }) })];
  yield ["dictionary", save({ columnData: data(), dictionarySize: 1 })];
  for (const encoding of ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
    yield [encoding, save({ columnData: data().map((c) => ({ ...c, encoding: types[c.name] === "STRING" ? encoding : "PLAIN" })) })];
  yield ["split", save({ columnData: data().map((c) => ({ ...c, encoding: types[c.name] === "DOUBLE" ? "BYTE_STREAM_SPLIT" : "PLAIN" })) })];
  if (kind === "clean") yield ["required", save({ columnData: data({ nullable: false }) })];
}

async function* parquetjs(kind, rows) {
  const pq = require(writer);
  const text = kind === "text";
  const codecs = ["UNCOMPRESSED", "GZIP", "SNAPPY", ...(writer === "@dsnp/parquetjs" ? ["BROTLI"] : [])];
  async function write(file, types, options = {}) {
    const optional = kind !== "clean";
    const fields = { tags: { repeated: true, fields: { name: { type: "UTF8" } } } };
    for (const n of NAMES) fields[n] = { type: types[n], optional, compression: options.codec, ...(options.encoding ?? {}) };
    const out = await pq.ParquetWriter.openFile(new pq.ParquetSchema(fields), file, options);
    if (options.rows) out.setRowGroupSize(options.rows);
    const values = columns(kind, rows);
    for (let i = 0; i < rows.length; i++) {
      const row = { tags: [{ name: "a" }] };
      for (const n of NAMES) if (values[n][i] !== null) row[n] = values[n][i];
      await out.appendRow(row);
    }
    await out.close();
  }
  const base = text ? Object.fromEntries(NAMES.map((n) => [n, "UTF8"])) : { country_code: "UTF8", last_order_ts: "TIMESTAMP_MILLIS", total_orders: kind === "dates" ? "DOUBLE" : "INT64", voucher_amount: "DOUBLE" };
  for (const codec of codecs) yield [codec, (file) => write(file, base, { codec })];
  yield ["groups", (file) => write(file, base, { rows: 130 })];
  yield ["v2", (file) => write(file, base, { useDataPageV2: true, codec: "GZIP" })];
  yield ["v1", (file) => write(file, base, { useDataPageV2: false, codec: "SNAPPY" })];
  if (!text) {
    yield ["micros", (file) => write(file, { ...base, last_order_ts: "TIMESTAMP_MICROS" })];
    yield ["int32", (file) => write(file, { ...base, total_orders: kind === "dates" ? "FLOAT" : "INT_32" })];
    yield ["int8", (file) => write(file, { ...base, total_orders: kind === "dates" ? "FLOAT" : "UINT_8" })];
    if (kind === "dates") yield ["date", (file) => write(file, { ...base, last_order_ts: "DATE" })];
  }
}

async function* wasm(kind, rows) {
  const pq = require("parquet-wasm");
  const arrow = require("apache-arrow");
  const text = kind === "text";
  const values = columns(kind, rows);
  const types = text ? NAMES.map(() => new arrow.Utf8()) : [new arrow.Utf8(), kind === "dates" ? new arrow.DateDay() : new arrow.TimestampMillisecond("UTC"), kind === "dates" ? new arrow.Float64() : new arrow.Int64(), new arrow.Float64()];
  const vectors = Object.fromEntries(NAMES.map((n, i) => [n, arrow.vectorFromArray(values[n].map((v) => (v !== null && types[i] instanceof arrow.Int64 ? BigInt(v) : v)), types[i])]));
  const table = () => pq.Table.fromIPCStream(arrow.tableToIPC(new arrow.Table(vectors), "stream"));
  const save = (change) => (file) => fs.writeFileSync(file, pq.writeParquet(table(), change(new pq.WriterPropertiesBuilder()).build()));
  for (const codec of ["UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"]) yield [codec, save((b) => b.setCompression(pq.Compression[codec]))];
  yield ["plain", save((b) => b.setDictionaryEnabled(false))];
  yield ["v2", save((b) => b.setWriterVersion(pq.WriterVersion.V2).setDictionaryEnabled(false))];
  yield ["groups", save((b) => b.setMaxRowGroupSize(130).setDataPageSizeLimit(300))];
  yield ["small", save((b) => b.setDictionaryPageSizeLimit(1))];
}

for (const [kind, rows] of Object.entries(JSON.parse(fs.readFileSync(0, "utf8")))) {
  if (writer === "parquetjs" && !rows.length) continue; // it writes no file without rows
  const make = { "hyparquet-writer": hyparquet, "parquet-wasm": wasm }[writer] ?? parquetjs;
  for await (const [name, write] of make(kind, rows)) await write(path.join(folder, `${kind}-${name}.parquet`));
}
