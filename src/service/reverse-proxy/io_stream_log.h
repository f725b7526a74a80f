/* What has ended of streams and sessions of datagrams on its way to the access log. Knows no
 * socket. */
#ifndef REVERSE_PROXY_IO_STREAM_LOG_H
#define REVERSE_PROXY_IO_STREAM_LOG_H

#include <stdbool.h>

struct reverse_view;
struct stream_end;

/* Does the configuration ask for lines? */
bool reverse_stream_is_logged(const struct reverse_view *v);
/* One line, by the configuration of the view, in its worker's thread or when that has ended. e: its
 * time of the end is set here. */
void reverse_stream_log(const struct reverse_view *v, struct stream_end *e);

#endif
