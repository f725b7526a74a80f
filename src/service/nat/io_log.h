/* Where the log of translations goes: a file in the state folder, and a collector of IPFIX. Decides
 * nothing about what is in it. */
#ifndef NAT_IO_LOG_H
#define NAT_IO_LOG_H

#include "os/loop.h"
#include "os/rotate.h"
#include "service/nat/log.h"

#include <jansson.h>

struct nat_log_conf;

struct nat_logger {
	struct nat_log log;
	struct loop *loop;	      /* borrowed; NULL: nothing was opened */
	char folder[ROTATE_PATH_MAX]; /* "": there is none */
	struct rotate_file file;
	int fd; /* to the collector; -1: none */
	uint32_t domain, sequence;
	uint64_t templates_ms, templates_next_ms;
	struct loop_timer flush;
	uint64_t file_lost, collector_lost; /* entries */
	enum err file_error;		    /* of the last write */
};

/* folder: the service's state; NULL: it has none, then no file is written. Errors of file and
 * collector are logged and do not end the service. ENOMEM. */
MUST enum err nat_logger_open(struct nat_logger *l, struct loop *loop, const char *folder,
			      const struct nat_log_conf *conf);
/* Another configuration is in force. */
void nat_logger_configure(struct nat_logger *l, const struct nat_log_conf *conf);
/* What is queued is written first; accepts zeroed storage. */
void nat_logger_done(struct nat_logger *l);

void nat_logger_event(struct nat_logger *l, const struct nat_event *event);
void nat_logger_event6(struct nat_logger *l, const struct nat_event6 *event);

/* Prometheus text; nothing when nothing is logged. */
void nat_logger_metrics(const struct nat_logger *l, struct writer *w);
/* NULL: nothing is logged. */
json_t *nat_logger_status(const struct nat_logger *l);

#endif
