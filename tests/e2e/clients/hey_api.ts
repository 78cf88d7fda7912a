// Calls the API with a client of @hey-api/openapi-ts.
import { getCounts, getSource, postVoucherAmount, selectVouchers } from "./client";

const amount = await postVoucherAmount({
  body: { country_code: "Peru", segment_name: "frequent_segment", total_orders: 15 },
});
const selections = await selectVouchers({
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
const counts = await getCounts({ query: { country: "Peru" } });
const rows: number | undefined = counts.data?.rows.length;
const unknown = await getCounts({ query: { country: "Atlantis" } });
const missing = await getSource({ path: { key: "vouchers/none.parquet" } });
console.log(
  JSON.stringify([amount.data?.voucher_amount, outcomes, rows, unknown.response?.status, missing.response?.status]),
);
