#include "config/yaml.h"

#include "config/config.h"
#include "config/diagnose.h"
#include "config/yaml_lint.h"
#include "config/yaml_syntax.h"

#include <libfyaml.h>
#include <stdlib.h>

/* After an error the reading goes on at the next section, this often. */
#define SEGMENTS_MAX 32

struct build {
	const struct config_source *source;
	struct config_report *report;
	struct yaml_tree *tree;
	uint32_t base;			 /* octet where this segment begins */
	uint32_t open[CONFIG_DEPTH_MAX]; /* the lists and maps that we are in */
	uint32_t last[CONFIG_DEPTH_MAX]; /* the last child of each; 0: none yet */
	uint32_t open_n;
	uint32_t root_last; /* the last child of the root */
	uint32_t offset;    /* of the last event that had a place */
	bool document;	    /* this segment's was there */
	bool stop;	    /* a bound was passed */
};

static void fault_at(struct build *b, uint32_t offset, const char *message)
{
	config_report_add(b->report, b->source, &(struct config_fault){.offset = offset}, "%s",
			  message);
}

/* A new node as the next child of the innermost open list or map; the root when none is open. */
static enum err node_add(struct build *b, enum yaml_kind kind, uint32_t offset, uint32_t *ret)
{
	struct yaml_tree *t = b->tree;
	if (t->nodes_n == t->nodes_max) {
		uint32_t max = t->nodes_max ? t->nodes_max * 2 : 256;
		struct yaml_node *nodes = reallocarray(t->nodes, max, sizeof(*nodes));
		if (!nodes)
			return ENOMEM;
		t->nodes = nodes;
		t->nodes_max = max;
	}
	if (t->nodes_n == 0)
		t->nodes_n = 1;
	uint32_t at = t->nodes_n++;
	t->nodes[at] = (struct yaml_node){.kind = kind, .offset = offset};
	if (b->open_n) {
		uint32_t parent = b->open[b->open_n - 1], *last = &b->last[b->open_n - 1];
		*(*last ? &t->nodes[*last].next : &t->nodes[parent].first) = at;
		*last = at;
		t->nodes[parent].children++;
	} else {
		t->root = at;
	}
	*ret = at;
	return OK;
}

static bool wants_key(const struct build *b)
{
	if (!b->open_n)
		return false;
	const struct yaml_node *parent = &b->tree->nodes[b->open[b->open_n - 1]];
	return parent->kind == YAML_MAP && parent->children % 2 == 0;
}

static enum err open_add(struct build *b, enum yaml_kind kind, uint32_t offset)
{
	if (b->open_n == CONFIG_DEPTH_MAX) {
		fault_at(b, offset, "lists and maps are nested too deep here");
		b->stop = true;
		return OK;
	}
	bool torn = wants_key(b);
	if (torn)
		fault_at(b, offset, "a key must be a word, not a list or a map");
	/* After an error the rest of the file goes on in the same root. */
	uint32_t at = b->tree->root;
	if (b->open_n || !at) {
		TRY(node_add(b, kind, offset, &at));
	} else if (b->tree->nodes[at].kind != YAML_MAP || kind != YAML_MAP) {
		fault_at(b, offset, "a section must be a key at the start of a line");
		b->stop = true;
		return OK;
	}
	b->tree->nodes[at].torn |= torn;
	b->last[b->open_n] = b->open_n ? 0 : b->root_last;
	b->open[b->open_n++] = at;
	return OK;
}

static void open_close(struct build *b)
{
	if (b->open_n == 1)
		b->root_last = b->last[0];
	if (b->open_n)
		b->open_n--;
}

static bool is_nothing(struct span text)
{
	return text.len == 0 || span_is(text, "~") || span_is(text, "null");
}

static enum err scalar_add(struct build *b, struct fy_token *token, bool torn)
{
	uint32_t at;
	size_t len = 0;
	const char *text = token ? fy_token_get_text(token, &len) : NULL;
	enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
	if (text && memchr(text, 0, len)) {
		fault_at(b, b->offset, "\\0 in a text: no value may hold it");
		len = 0;
		torn = true;
	}
	struct span s = span_of(text ? text : "", text ? len : 0);
	bool key = wants_key(b);
	if (!b->open_n && b->tree->root) { /* after an error: see open_add */
		fault_at(b, b->offset, "a section must be a key at the start of a line");
		b->stop = true;
		return OK;
	}
	TRY(node_add(b, YAML_SCALAR, b->offset, &at));
	struct yaml_node *n = &b->tree->nodes[at];
	char *copy = config_memory_text(&b->tree->memory, s);
	if (!copy)
		return ENOMEM;
	n->text = span_of(copy, s.len);
	n->torn = torn;
	if (!key && style == FYSS_PLAIN && is_nothing(s))
		n->kind = YAML_NOTHING;
	return OK;
}

/* What makes a file say other things than one sees in it is refused. */
static bool refuse_extras(struct build *b, struct fy_token *anchor, struct fy_token *tag)
{
	if (anchor)
		fault_at(b, b->offset, "anchors (&name) are not used here; write the value itself");
	if (tag)
		fault_at(b, b->offset,
			 "tags (!name) are not used here; the key alone gives the type");
	return anchor || tag;
}

static void place_set(struct build *b, struct fy_token *token)
{
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
	if (mark && mark->input_pos <= b->source->text.len - b->base)
		b->offset = b->base + (uint32_t)mark->input_pos;
}

/* libfyaml's place of a quoted text is behind its quote. */
static void place_set_scalar(struct build *b, struct fy_token *token)
{
	place_set(b, token);
	enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
	if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && b->offset > b->base)
		b->offset--;
}

static enum err alias_add(struct build *b, const struct fy_event *e)
{
	place_set(b, e->alias.anchor);
	fault_at(b, b->offset, "aliases (*name) are not used here; write the value itself");
	return scalar_add(b, NULL, true);
}

static void document_begin(struct build *b, const struct fy_event *e)
{
	place_set(b, e->document_start.document_start);
	if (b->document) {
		fault_at(b, b->offset, "a second document begins; a configuration is one document");
		b->stop = true;
	}
	b->document = true;
}

static enum err event_take(struct build *b, const struct fy_event *e)
{
	switch (e->type) {
	case FYET_DOCUMENT_START: document_begin(b, e); return OK;
	case FYET_ALIAS: return alias_add(b, e);
	case FYET_SCALAR: {
		place_set_scalar(b, e->scalar.value);
		bool torn = refuse_extras(b, e->scalar.anchor, e->scalar.tag);
		return scalar_add(b, e->scalar.value, torn);
	}
	case FYET_SEQUENCE_START:
		place_set(b, e->sequence_start.sequence_start);
		(void)refuse_extras(b, e->sequence_start.anchor, e->sequence_start.tag);
		return open_add(b, YAML_LIST, b->offset);
	case FYET_MAPPING_START:
		place_set(b, e->mapping_start.mapping_start);
		(void)refuse_extras(b, e->mapping_start.anchor, e->mapping_start.tag);
		return open_add(b, YAML_MAP, b->offset);
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END: open_close(b); return OK;
	default: return OK;
	}
}

/* An error cut these short: close them, and let nobody miss what may follow. */
static enum err tear_open(struct build *b)
{
	while (b->open_n) {
		uint32_t at = b->open[b->open_n - 1], nothing;
		b->tree->nodes[at].torn = true;
		if (b->tree->nodes[at].kind == YAML_MAP && b->tree->nodes[at].children % 2) {
			TRY(node_add(b, YAML_NOTHING, b->offset, &nothing));
			b->tree->nodes[nothing].torn = true;
		}
		open_close(b);
	}
	return OK;
}

/* Reads from b->base on; OK also after an error in the YAML, which the diag then has. */
static enum err segment_read(struct build *b, struct fy_parser *parser)
{
	struct span text = span_sub(b->source->text, b->base, b->source->text.len);
	b->document = false;
	if (fy_parser_set_string(parser, (const char *)text.data, text.len))
		return ENOMEM;
	enum err err = OK;
	while (!err && !b->stop) {
		struct fy_event *e = fy_parser_parse(parser);
		if (!e)
			break;
		if (b->tree->nodes_n >= CONFIG_NODES_MAX) {
			fault_at(b, b->offset, "too many values in one file");
			b->stop = true;
		} else {
			err = event_take(b, e);
		}
		fy_parser_event_free(parser, e);
	}
	return err;
}

static struct fy_parser *parser_new(struct fy_diag *diag)
{
	const struct fy_parse_cfg cfg = {
		.search_path = "",
		.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DISABLE_MMAP_OPT |
			 FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
		.diag = diag,
	};
	return fy_parser_create(&cfg);
}

/* Reads one segment with a parser of its own; ret_next: where the next begins, 0: nowhere. */
static enum err segment(struct build *b, uint32_t *ret_next)
{
	/* Without fp and output_fn nothing is printed, whatever happens. */
	struct fy_diag_cfg cfg;
	fy_diag_cfg_default(&cfg);
	cfg.fp = NULL;
	cfg.level = FYET_ERROR;
	struct fy_diag *diag = fy_diag_create(&cfg);
	struct fy_parser *parser = diag ? parser_new(diag) : NULL;
	enum err err = parser ? OK : ENOMEM;
	*ret_next = 0;
	if (!err) {
		fy_diag_set_collect_errors(diag, true);
		err = segment_read(b, parser);
	}
	if (!err && !b->stop && fy_parser_get_stream_error(parser)) {
		void *at = NULL;
		uint32_t opening = b->open_n ? b->tree->nodes[b->open[b->open_n - 1]].offset : 0;
		struct yaml_fault fault = {.base = b->base, .last = b->offset, .opening = opening};
		const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);
		if (e) {
			fault.message = e->msg;
			fault.line = e->line > 0 ? (uint32_t)e->line : 1;
			fault.column = e->column > 0 ? (uint32_t)e->column : 1;
		}
		*ret_next = yaml_syntax_tell(b->source, b->report, &fault);
		err = tear_open(b);
	}
	fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	return err;
}

enum err yaml_read(const struct config_source *source, struct yaml_tree *ret,
		   struct config_report *report)
{
	struct yaml_tree tree = {0};
	struct build b = {.source = source, .report = report, .tree = &tree};
	enum err err = OK;
	if (yaml_lint(source, report)) {
		for (unsigned i = 0; i < SEGMENTS_MAX && !err && !b.stop; i++) {
			uint32_t next;
			err = segment(&b, &next);
			if (!next)
				break;
			b.base = b.offset = next;
		}
	}
	if (b.stop && !err)
		err = tear_open(&b);
	if (err)
		yaml_tree_done(&tree);
	else
		*ret = tree;
	return err;
}

void yaml_tree_done(struct yaml_tree *t)
{
	free(t->nodes);
	config_memory_done(&t->memory);
	*t = (struct yaml_tree){0};
}
