#include "service/nat/top.h"

#include "base/table.h"
#include "service/nat/flows.h"
#include "service/nat/tables.h"

#include <stdlib.h>

struct nat_top {
	struct table table; /* of rows, by address */
	struct nat_top_row *rows;
	size_t n;
};

static bool row_is(const void *record, const void *key, size_t key_len)
{
	const struct nat_top_row *row = record;
	return span_equal(ip_address_span(&row->host), span_of(key, key_len));
}

enum err nat_top_new(struct hash_key key, struct nat_top **ret)
{
	struct nat_top *top = calloc(1, sizeof(*top));
	if (!top)
		return (enum err)ENOMEM;
	table_init(&top->table, key, NAT_TOP_HOSTS_MAX, row_is);
	/* Pages that no row touches are never made. */
	top->rows = calloc(NAT_TOP_HOSTS_MAX, sizeof(*top->rows));
	if (!top->rows) {
		nat_top_free(top);
		return (enum err)ENOMEM;
	}
	*ret = top;
	return OK;
}

void nat_top_free(struct nat_top *top)
{
	if (!top)
		return;
	table_done(&top->table);
	free(top->rows);
	free(top);
}

/* NULL: there is no room for one more. */
static struct nat_top_row *row_of(struct nat_top *top, const struct ip_address *host)
{
	struct span key = ip_address_span(host);
	uint32_t hash = table_hash(&top->table, key);
	struct nat_top_row *row = table_find(&top->table, hash, key.data, key.len);
	if (row || top->n == NAT_TOP_HOSTS_MAX)
		return row;
	row = &top->rows[top->n];
	*row = (struct nat_top_row){.host = *host};
	key = ip_address_span(&row->host);
	if (table_insert(&top->table, hash, key.data, key.len, row))
		return NULL;
	top->n++;
	return row;
}

void nat_top_add_host(struct nat_top *top, const struct nat_host_key *key,
		      const struct nat_host *host)
{
	struct ip_address address = nat_address_unmap(key->address);
	struct nat_top_row *row = row_of(top, &address);
	if (!row)
		return;
	row->flows_max = host->flows_max;
	row->bytes_out += host->bytes_out;
	row->bytes_in += host->bytes_in;
	row->begun += host->flows_begun;
	row->refused += host->flows_refused;
}

void nat_top_add_flow(struct nat_top *top, const struct nat_flow_view *v)
{
	uint64_t out, in;
	struct nat_top_row *row = nat_flow_traffic(v, &out, &in) ? row_of(top, &v->host) : NULL;
	if (!row)
		return;
	row->flows++;
	row->bytes_out += out;
	row->bytes_in += in;
}

static int more(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

static int by_address(const struct nat_top_row *a, const struct nat_top_row *b)
{
	return ip_address_compare(&a->host, &b->host);
}

static int by_bytes(const void *a, const void *b)
{
	const struct nat_top_row *one = a, *two = b;
	int order = more(one->bytes_out + one->bytes_in, two->bytes_out + two->bytes_in);
	return order ? order : by_address(one, two);
}

static int by_flows(const void *a, const void *b)
{
	const struct nat_top_row *one = a, *two = b;
	int order = more(one->flows, two->flows);
	return order ? order : by_address(one, two);
}

static int by_begun(const void *a, const void *b)
{
	const struct nat_top_row *one = a, *two = b;
	int order = more(one->begun, two->begun);
	return order ? order : by_address(one, two);
}

static int by_refused(const void *a, const void *b)
{
	const struct nat_top_row *one = a, *two = b;
	int order = more(one->refused, two->refused);
	return order ? order : by_address(one, two);
}

const struct nat_top_row *nat_top_sort(struct nat_top *top, enum nat_top_by by, size_t *ret_n)
{
	static int (*const orders[])(const void *, const void *) = {
		[NAT_TOP_BYTES] = by_bytes,
		[NAT_TOP_FLOWS] = by_flows,
		[NAT_TOP_BEGUN] = by_begun,
		[NAT_TOP_REFUSED] = by_refused,
	};
	/* The table would point at rows that have moved. */
	table_done(&top->table);
	qsort(top->rows, top->n, sizeof(*top->rows), orders[by]);
	*ret_n = top->n;
	return top->rows;
}
