#include "service/vpn/io_added.h"

#include "base/writer.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "os/clock.h"
#include "os/log.h"
#include "service/vpn/conf_inner.h"
#include "service/vpn/io_names.h"
#include "service/vpn/io_store.h"
#include "service/vpn/io_vpn.h"

#include <stdlib.h>

struct vpn_added {
	struct vpn *vpn;      /* borrowed */
	struct table by_name; /* of struct added_entry, owned */
	struct sealed_key key;
	bool telling; /* the store tells everything: names follow at the end */
};

/* What a write under way is for: store_request.number. */
enum write_for { FOR_ADD = 1, FOR_REMOVE, FOR_NAMES };

static bool has_name(const void *record, const void *key, size_t key_len)
{
	const struct added_entry *e = record;

	return span_equal(span_text(e->a.name), span_of(key, key_len));
}

static struct added_entry *find(const struct vpn_added *n, struct span name)
{
	return table_find(&n->by_name, table_hash(&n->by_name, name), name.data, name.len);
}

static enum err insert(struct vpn_added *n, const struct added *a, struct added_entry **ret)
{
	struct added_entry *e = calloc(1, sizeof(*e));
	struct span name = span_text(a->name);

	if (!e)
		return ENOMEM;
	e->a = *a;
	enum err err =
		table_insert(&n->by_name, table_hash(&n->by_name, name), name.data, name.len, e);
	if (err) {
		crypto_wipe(e, sizeof(*e));
		free(e);
		return err;
	}
	*ret = e;
	return OK;
}

static void drop(struct vpn_added *n, struct added_entry *e)
{
	struct span name = span_text(e->a.name);

	(void)table_remove(&n->by_name, table_hash(&n->by_name, name), name.data, name.len);
	crypto_wipe(e, sizeof(*e));
	free(e);
}

const struct added_entry *vpn_added_find(const struct vpn_added *n, const char *name)
{
	const struct added_entry *e = find(n, span_text(name));

	return e && !e->a.ended ? e : NULL;
}

const struct added_entry *vpn_added_next(const struct vpn_added *n, size_t *at)
{
	return table_next(&n->by_name, at);
}

/* --- from a row to a peer --- */

/* The file's peers come first: one that has the name or the key is not touched by a row. */
static bool is_anothers(struct vpn *v, const struct vpn_interface *f, const struct added *a)
{
	struct vpn_interface *of = NULL;
	const struct vpn_peer *named = vpn_peer_find(v, a->name, &of);
	const struct vpn_peer *keyed = vpn_engine_find_peer(f->engine, a->public_key);

	return (named && (named != keyed || vpn_own_of(named)->origin != VPN_ORIGIN_STORE)) ||
	       (keyed && vpn_own_of(keyed) && vpn_own_of(keyed)->origin == VPN_ORIGIN_CONFIG);
}

static enum err put_peer(struct vpn *v, struct vpn_interface *f, const struct added *a)
{
	const struct vpn_interface_conf *conf = vpn_conf_interface_named(vpn_conf_of(v), a->device);
	struct ip_prefix allowed[ADDED_ADDRESSES_MAX];
	const char *users[ADDED_WHO_MAX], *roles[ADDED_WHO_MAX];
	struct gate_reach reach[ADDED_ROUTES_MAX];
	struct vpn_peer_setting s = {.name = a->name,
				     .allowed = allowed,
				     .allowed_n = a->addresses_n,
				     .expires_s = a->expires_s,
				     .to_peers = conf && conf->to_peers,
				     .sign_in = a->sign_in,
				     .up_bits = a->up_bits,
				     .down_bits = a->down_bits,
				     .reach = reach,
				     .reach_n = a->reach_n,
				     .users = users,
				     .users_n = a->users_n,
				     .roles = roles,
				     .roles_n = a->roles_n};
	struct vpn_peer *peer;

	for (size_t i = 0; i < a->addresses_n; i++)
		allowed[i] = ip_prefix_of(&a->addresses[i], 128);
	for (size_t i = 0; i < a->reach_n; i++)
		reach[i] = (struct gate_reach){.to = a->reach[i]};
	for (size_t i = 0; i < a->users_n; i++)
		users[i] = a->users[i];
	for (size_t i = 0; i < a->roles_n; i++)
		roles[i] = a->roles[i];
	memcpy(s.public_key, a->public_key, sizeof(s.public_key));
	memcpy(s.preshared_key, a->preshared_key, sizeof(s.preshared_key));
	enum err e = vpn_peer_put(f, &s, VPN_ORIGIN_STORE, &peer);
	crypto_wipe(&s, sizeof(s));
	return e;
}

static void make_peer(struct vpn_added *n, const struct added_entry *entry)
{
	struct vpn *v = n->vpn;
	struct vpn_interface *f = vpn_interface_find(v, entry->a.device);
	enum err e = OK;

	if (entry->a.ended || entry->pending)
		return;
	if (!f)
		log_warning("an added peer waits for its interface",
			    LOG_TEXT("peer", entry->a.name),
			    LOG_TEXT("interface", entry->a.device));
	else if (is_anothers(v, f, &entry->a))
		log_warning("an added peer gives way to one of the configuration or of `wg` with "
			    "its name or key",
			    LOG_TEXT("peer", entry->a.name));
	else
		e = put_peer(v, f, &entry->a);
	if (e)
		log_error("an added peer cannot be", LOG_TEXT("peer", entry->a.name), LOG_ERR(e));
}

static void unmake_peer(struct vpn_added *n, const struct added *a)
{
	struct vpn_interface *f = vpn_interface_find(n->vpn, a->device);
	struct vpn_peer *p = f ? vpn_engine_find_peer(f->engine, a->public_key) : NULL;

	if (p && vpn_own_of(p) && vpn_own_of(p)->origin == VPN_ORIGIN_STORE)
		vpn_engine_remove_peer(f->engine, p);
}

void vpn_added_apply(struct vpn_added *n)
{
	const struct added_entry *e;

	for (size_t at = 0; (e = vpn_added_next(n, &at));)
		make_peer(n, e);
}

/* --- rows in --- */

static void follow(struct vpn_added *n)
{
	if (!n->telling)
		vpn_names_follow(n->vpn);
}

static void forget(struct vpn_added *n, struct added_entry *e)
{
	unmake_peer(n, &e->a);
	drop(n, e);
}

/* Of another gateway's change, the keys may be others. */
static enum err learn(void *arg, const struct store_row *row)
{
	struct vpn_added *n = arg;
	struct added_entry *e = find(n, row->key);
	AUTO_DONE(added_done) struct added a = {.name = ""};

	if (e && e->version >= row->version)
		return OK;
	if (row->removed) {
		if (e)
			forget(n, e);
		follow(n);
		return OK;
	}
	TRY(added_read(row->key, row->value, &n->key, &a));
	if (e && (memcmp(e->a.public_key, a.public_key, WG_KEY_LEN) != 0 || a.ended))
		unmake_peer(n, &e->a);
	if (e)
		e->a = a;
	else
		TRY(insert(n, &a, &e));
	e->version = row->version;
	e->told = true;
	e->pending = false;
	make_peer(n, e);
	follow(n);
	return OK;
}

static void learn_begin(void *arg)
{
	struct vpn_added *n = arg;
	struct added_entry *e;

	n->telling = true;
	for (size_t at = 0; (e = table_next(&n->by_name, &at));)
		e->told = false;
}

static bool is_untold(void *record, void *arg)
{
	struct added_entry *e = record;

	if (e->told || e->pending)
		return false;
	unmake_peer(arg, &e->a);
	crypto_wipe(e, sizeof(*e));
	free(e);
	return true;
}

static void learn_end(void *arg)
{
	struct vpn_added *n = arg;

	(void)table_sweep(&n->by_name, is_untold, n);
	n->telling = false;
	vpn_names_follow(n->vpn);
}

/* --- rows out --- */

static enum err row_put(struct vpn_added *n, const struct added *a, enum store_expect expect,
			enum write_for what, struct control_reply *reply)
{
	uint8_t row[ADDED_ROW_MAX];
	struct writer w = writer_of(row, sizeof(row));

	TRY(added_write(a, &n->key, &w));
	TRY(writer_check(&w));
	return vpn_store_put(n->vpn->store, &(struct vpn_store_write){.table = VPN_TABLE_PEERS,
								      .key = span_text(a->name),
								      .value = writer_span(&w),
								      .expect = expect,
								      .number = what,
								      .arg = reply});
}

static enum err row_remove(struct vpn_added *n, const struct added *a, enum write_for what,
			   struct control_reply *reply)
{
	return vpn_store_put(n->vpn->store, &(struct vpn_store_write){.table = VPN_TABLE_PEERS,
								      .key = span_text(a->name),
								      .remove = true,
								      .expect = STORE_EXPECT_ANY,
								      .number = what,
								      .arg = reply});
}

static const char away[] = "the store is away: nothing was changed that lasts";

static void tell(struct vpn_added *n, const char *what, const struct added *a)
{
	control_event(n->vpn->life.control, what,
		      json_pack("{s:s,s:s}", "interface", a->device, "peer", a->name));
}

static void add_stored(struct vpn_added *n, struct added_entry *e, const struct store_request *r)
{
	if (r->result) {
		drop(n, e);
		control_reply_error(
			r->arg, r->result == ERR_EXISTS ? 409 : 503,
			r->result == ERR_EXISTS ? "another gateway has a peer of this name" : away);
		return;
	}
	e->pending = false;
	e->told = true;
	e->version = r->ret_version;
	make_peer(n, e);
	vpn_names_follow(n->vpn);
	tell(n, "peer added", &e->a);
	control_reply_json(r->arg, 200, vpn_added_client_json(n->vpn, &e->a));
}

static void remove_stored(struct vpn_added *n, struct added_entry *e, const struct store_request *r)
{
	if (r->result && r->result != ERR_ABSENT) {
		control_reply_error(r->arg, 503, away);
		return;
	}
	char name[ADDED_NAME_MAX + 1];
	memcpy(name, e->a.name, sizeof(name));
	unmake_peer(n, &e->a);
	e->a.ended = true;
	e->version = r->ret_version;
	tell(n, "peer taken out", &e->a);
	vpn_names_follow(n->vpn);
	if (r->remove && (e = find(n, span_text(name))))
		drop(n, e);
	control_reply_json(r->arg, 200, json_pack("{s:s}", "removed", name));
}

static void stored(void *arg, const struct store_request *r)
{
	struct vpn_added *n = arg;
	struct added_entry *e = find(n, span_of(r->key, r->key_len));

	if (!e && r->arg)
		control_reply_error(r->arg, 409, "the peer is gone meanwhile");
	else if (e && r->number == FOR_ADD)
		add_stored(n, e, r);
	else if (e && r->number == FOR_REMOVE)
		remove_stored(n, e, r);
	else if (e && r->result == OK && r->remove && e->a.ended)
		drop(n, e);
	else if (e && r->result == OK)
		e->version = r->ret_version;
}

/* --- names --- */

static bool has_names(const struct added *a)
{
	return a->names[0] || a->names[1];
}

void vpn_added_named(struct vpn_added *n, const struct ip_address *address, uint8_t names)
{
	struct added_entry *e;

	for (size_t at = 0; (e = table_next(&n->by_name, &at));)
		for (size_t i = 0; i < e->a.addresses_n && !e->pending; i++) {
			if (!ip_address_equal(&e->a.addresses[i], address) ||
			    e->a.names[i] == names)
				continue;
			e->a.names[i] = names;
			/* Not durable: it is asked and told again after the next start. */
			err_ignore(e->a.ended && !has_names(&e->a)
					   ? row_remove(n, &e->a, FOR_NAMES, NULL)
					   : row_put(n, &e->a, STORE_EXPECT_ANY, FOR_NAMES, NULL));
			return;
		}
}

/* --- verbs --- */

static void add(struct vpn *v, const json_t *body, struct control_reply *reply)
{
	AUTO_DONE(added_done) struct added a = {.name = ""};
	struct vpn_added *n = v->added;
	struct added_entry *e = NULL;
	struct vpn_interface *f = NULL;
	const char *why = NULL;

	if (!vpn_added_read(v, body, &a, &why)) {
		control_reply_error(reply, 400, why);
		return;
	}
	struct added_entry *gone = find(n, span_text(a.name));
	if (vpn_peer_find(v, a.name, &f) || (gone && !gone->a.ended)) {
		control_reply_error(reply, 409, "there is a peer of this name");
		return;
	}
	f = vpn_interface_find(v, a.device);
	if (vpn_engine_find_peer(f->engine, a.public_key)) {
		control_reply_error(reply, 409, "another peer has this key");
		return;
	}
	if (vpn_added_choose(f, vpn_conf_interface_named(vpn_conf_of(v), f->name), n, &a)) {
		control_reply_error(reply, 409, "no address of the interface's networks is free");
		return;
	}
	a.made_s = (int64_t)clock_wall_s();
	if (gone) /* its names go all the same: that is under way */
		drop(n, gone);
	enum err err = crypto_random(a.preshared_key, sizeof(a.preshared_key));
	if (!err)
		err = insert(n, &a, &e);
	if (!err) {
		e->pending = true;
		err = row_put(n, &a, gone ? STORE_EXPECT_ANY : STORE_EXPECT_ABSENT, FOR_ADD, reply);
	}
	if (err && e)
		drop(n, e);
	if (err)
		control_reply_error(reply, 503, err_text(err));
}

void vpn_added_handle_add(void *vpn, const struct control_request *req, struct control_reply *reply)
{
	struct vpn *v = vpn;

	if (!json_is_object(req->body))
		control_reply_error(reply, 400, "a JSON object says what is to be added");
	else
		add(v, req->body, reply);
}

void vpn_added_handle_remove(void *vpn, const struct control_request *req,
			     struct control_reply *reply)
{
	struct vpn *v = vpn;
	const char *name = control_request_query(req, "name");
	struct vpn_interface *f = NULL;
	struct vpn_peer *p = name ? vpn_peer_find(v, name, &f) : NULL;
	struct added_entry *e = name ? find(v->added, span_text(name)) : NULL;

	if (!e || e->a.ended || e->pending) {
		bool file = p && vpn_own_of(p) && vpn_own_of(p)->origin == VPN_ORIGIN_CONFIG;
		control_reply_error(reply,
				    file   ? 409
				    : name ? 404
					   : 400,
				    file   ? "this peer is in the configuration file: take it out "
					     "there, and reload"
				    : name ? "no added peer has this name"
					   : "name= says which peer");
		return;
	}
	struct added a = e->a;
	a.ended = true;
	enum err err = has_names(&a) ? row_put(v->added, &a, STORE_EXPECT_ANY, FOR_REMOVE, reply)
				     : row_remove(v->added, &a, FOR_REMOVE, reply);
	added_done(&a);
	if (err)
		control_reply_error(reply, 503, err_text(err));
}

void vpn_added_handle_client(void *vpn, const struct control_request *req,
			     struct control_reply *reply)
{
	struct vpn *v = vpn;
	const char *name = control_request_query(req, "name");
	const struct added_entry *e = name ? vpn_added_find(v->added, name) : NULL;
	json_t *client = e && !e->pending ? vpn_added_client_json(v, &e->a) : NULL;

	if (client)
		control_reply_json(reply, 200, client);
	else
		control_reply_error(reply, name ? 404 : 400,
				    name ? "no added peer has this name" : "name= says which peer");
}

/* --- life --- */

enum err vpn_added_new(struct vpn *v, struct vpn_added **ret)
{
	struct vpn_added *n = calloc(1, sizeof(*n));
	struct hash_key key;

	if (!n)
		return ENOMEM;
	n->vpn = v;
	enum err e = crypto_random(&key, sizeof(key));
	if (!e)
		e = vpn_store_key(v, vpn_conf_of(v), n->key.bytes);
	if (e) {
		free(n);
		return e;
	}
	table_init(&n->by_name, key, VPN_CONF_PEERS_MAX, has_name);
	vpn_store_add(v->store, &(struct vpn_store_face){.tables = 1u << VPN_TABLE_PEERS,
							 .learn = learn,
							 .learn_begin = learn_begin,
							 .learn_end = learn_end,
							 .stored = stored,
							 .arg = n});
	*ret = n;
	return OK;
}

static bool free_entry(void *record, void *arg)
{
	(void)arg;
	crypto_wipe(record, sizeof(struct added_entry));
	free(record);
	return true;
}

void vpn_added_free(struct vpn_added *n)
{
	if (!n)
		return;
	(void)table_sweep(&n->by_name, free_entry, NULL);
	table_done(&n->by_name);
	sealed_key_done(&n->key);
	free(n);
}
