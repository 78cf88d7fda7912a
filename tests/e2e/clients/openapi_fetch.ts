// Calls the API with types of openapi-typescript.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

const api = createClient<paths>({ baseUrl: process.env.API_URL! });

const amount = await api.POST("/voucher_amount", {
  body: { country_code: "Peru", segment_name: "frequent_segment", total_orders: 15 },
});
const selections = await api.POST("/v1/selections", {
  body: {
    as_of: "2018-08-05",
    customers: [
      { customer_id: 1, country_code: "Peru", segment_name: "frequent_segment", total_orders: "15" },
      { customer_id: 2, country_code: "Peru", segment_name: "frequent_segment" },
    ],
  },
});
const outcomes = selections.data?.selections.map((selection) =>
  selection.outcome === "selected" ? selection.voucher_amount[0] : selection.error.field,
);
const counts = await api.GET("/v1/counts", { params: { query: { country: "Peru" } } });
const rows: number | undefined = counts.data?.rows.length;
const unknown = await api.GET("/v1/counts", { params: { query: { country: "Atlantis" } } });
const missing = await api.GET("/v1/sources/{key}", { params: { path: { key: "vouchers/none.parquet" } } });
console.log(
  JSON.stringify([amount.data?.voucher_amount, outcomes, rows, unknown.response.status, missing.response.status]),
);
