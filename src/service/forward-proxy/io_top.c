#include "service/forward-proxy/io_top.h"

#include "control/control.h"
#include "crypto/random.h"
#include "proxy/access-log/access_line.h"
#include "proxy/exchange.h"
#include "proxy/face.h"
#include "service/forward-proxy/io_exchange.h"
#include "service/forward-proxy/io_worker.h"

#include <stdlib.h>

enum { SHOW_USUAL = 20 };

enum err forward_top_new(struct forward_top **ret)
{
	uint64_t keys[4];
	struct forward_top *t = calloc(1, sizeof(*t));
	enum err e = t ? crypto_random(keys, sizeof(keys)) : (enum err)ENOMEM;
	if (e) {
		free(t);
		return e;
	}
	(void)pthread_mutex_init(&t->lock, NULL);
	busiest_init(&t->hosts, (struct hash_key){keys[0], keys[1]});
	busiest_init(&t->clients, (struct hash_key){keys[2], keys[3]});
	*ret = t;
	return OK;
}

void forward_top_free(struct forward_top *t)
{
	if (!t)
		return;
	busiest_done(&t->hosts);
	busiest_done(&t->clients);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

void forward_top_add(struct forward_top *t, const struct proxy_exchange *x,
		     const struct forward_exchange *e)
{
	struct ip_address client = ip_address_unmap(&x->connection->peer.address);
	char text[IP_ADDRESS_TEXT_MAX];
	uint64_t bytes = x->request_bytes + x->sent_bytes;
	if (!e->host.len || e->refusal)
		return;
	client = access_client_shown(&client, e->view->site->conf->access_log.clients);
	size_t len = client.family ? ip_address_format(&client, text) : 0;
	(void)pthread_mutex_lock(&t->lock);
	busiest_add(&t->hosts, e->host, bytes);
	if (len)
		busiest_add(&t->clients, span_of(text, len), bytes);
	(void)pthread_mutex_unlock(&t->lock);
}

/* --- for people --- */

static json_t *row_json(const struct busiest_row *r, const char *name)
{
	json_t *json = json_object();
	/* Hosts and addresses are ASCII (destination.h). */
	(void)json_object_set_new(json, name, json_stringn(r->text, r->len));
	(void)json_object_set_new(json, "requests", json_integer((json_int_t)r->requests));
	(void)json_object_set_new(json, "bytes", json_integer((json_int_t)r->bytes));
	if (r->over)
		(void)json_object_set_new(json, "over", json_integer((json_int_t)r->over));
	return json;
}

/* which: of struct forward_top. */
static void show(struct forward_top *const *all, size_t n, size_t which, const char *title,
		 const char *name, const struct control_request *req, struct control_reply *reply)
{
	const char *limit = control_request_query(req, "limit");
	uint64_t most = SHOW_USUAL;
	size_t rows_n = 0;
	if (limit && !span_to_u64(span_text(limit), BUSIEST_MAX, &most)) {
		control_reply_error(reply, 400, "limit= must be a number up to 256");
		return;
	}
	struct busiest_row *rows = calloc(n + 1, BUSIEST_MAX * sizeof(*rows));
	if (!rows) {
		control_reply_error(reply, 503, "out of memory");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct busiest *b = (const void *)((const char *)all[i] + which);
		(void)pthread_mutex_lock(&all[i]->lock);
		memcpy(rows + rows_n, b->rows, b->n * sizeof(*rows));
		rows_n += b->n;
		(void)pthread_mutex_unlock(&all[i]->lock);
	}
	rows_n = busiest_merge(rows, rows_n);
	json_t *list = json_array();
	for (size_t i = 0; i < rows_n && i < most; i++)
		(void)json_array_append_new(list, row_json(&rows[i], name));
	free(rows);
	control_reply_json(reply, 200, json_pack("{s:o}", title, list));
}

void forward_top_hosts(struct forward_top *const *all, size_t n, const struct control_request *req,
		       struct control_reply *reply)
{
	show(all, n, offsetof(struct forward_top, hosts), "hosts", "host", req, reply);
}

void forward_top_clients(struct forward_top *const *all, size_t n,
			 const struct control_request *req, struct control_reply *reply)
{
	show(all, n, offsetof(struct forward_top, clients), "clients", "client", req, reply);
}
