/*
 * UDP in batches, which Node does not have: recvmmsg and sendmmsg, answers that leave from the address that was
 * asked (IP_PKTINFO), and a wait that another thread can end. It moves bytes and decides nothing; what each
 * function promises is said in src/dns/udp-batch.ts.
 *
 * A batch belongs to the thread that made it. Sockets are plain file descriptors, so that other threads may send on
 * them too; whoever opened one closes it, after all threads have let go of it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <node_api.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MESSAGES 64
/* An odd number of cache lines, so that slots do not compete for the same ones. */
#define PACKET_BYTES 1600
#define MAX_SOCKETS 256
/* How long an answer waits for room in the socket's buffer before it is lost, in milliseconds. */
#define SEND_WAIT_MS 20

/*
 * Words of a message in `meta`: bytes received, bytes of the answer in the same place, family, and two of the address.
 * Behind those of all messages: answers that the system did not take so far.
 */
#define META_WORDS 5

typedef union {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} address;

typedef union {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
} control;

/* Whom to answer, and from where: what `peer` copies out and `send` takes. */
typedef struct {
  uint8_t family; /* 4 or 6 */
  uint8_t hasLocal;
  uint16_t port; /* network order */
  uint8_t remote[16];
  uint32_t scope;
  uint8_t local[16];
  uint32_t interface;
  int32_t socket;
} peer;

typedef struct {
  int sockets[MAX_SOCKETS], count, next, wake;
  /* Of the last exchange: where it was received, and how much. */
  int from, received;
  uint32_t lost;
  uint8_t *packets;
  int32_t *meta;
  napi_ref buffers[2];
  struct mmsghdr in[MESSAGES], out[MESSAGES];
  struct iovec inParts[MESSAGES], outParts[MESSAGES];
  address peers[MESSAGES];
  control controls[MESSAGES];
} batch;

#ifdef __SANITIZE_ADDRESS__
/* The library's functions, which the sanitizer watches. */
#define sendMany(fd, messages, count) sendmmsg(fd, messages, count, MSG_DONTWAIT)
#define receiveMany(fd, messages) recvmmsg(fd, messages, MESSAGES, MSG_DONTWAIT, NULL)
#else
/* The system calls themselves: musl's functions are loops of single ones. */
#define sendMany(fd, messages, count) syscall(SYS_sendmmsg, fd, messages, count, MSG_DONTWAIT)
#define receiveMany(fd, messages) syscall(SYS_recvmmsg, fd, messages, MESSAGES, MSG_DONTWAIT, NULL)
#endif

static napi_value fail(napi_env env, const char *what, int error) {
  napi_value code, message, value;
  const char *name = error == EADDRINUSE      ? "EADDRINUSE"
                     : error == EADDRNOTAVAIL ? "EADDRNOTAVAIL"
                     : error == EACCES        ? "EACCES"
                     : error == EPERM         ? "EPERM"
                     : error == EAFNOSUPPORT  ? "EAFNOSUPPORT"
                     : error == EINVAL        ? "EINVAL"
                     : error == EMFILE        ? "EMFILE"
                                              : "EIO";
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, what, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, code, message, &value);
  napi_throw(env, value);
  return NULL;
}

static napi_value number(napi_env env, int32_t value) {
  napi_value result;
  napi_create_int32(env, value, &result);
  return result;
}

/* Reads arguments of which the first `numbers` are integers. */
static int arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values, size_t numbers,
                     int32_t *into) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, values, NULL, NULL) != napi_ok || given < count) return 0;
  for (size_t index = 0; index < numbers; index++)
    if (napi_get_value_int32(env, values[index], &into[index]) != napi_ok) return 0;
  return 1;
}

static int bytesOf(napi_env env, napi_value value, void **data, size_t *length) {
  napi_typedarray_type type;
  size_t count;
  bool is = false;
  if (napi_is_typedarray(env, value, &is) != napi_ok || !is) return 0;
  if (napi_get_typedarray_info(env, value, &type, &count, data, NULL, NULL) != napi_ok) return 0;
  if (type != napi_uint8_array) return 0;
  *length = count;
  return 1;
}

static const char *WRONG = "wrong arguments";

/* open(family, port, reusePort, bufferBytes, address) */
static napi_value openSocket(napi_env env, napi_callback_info info) {
  napi_value values[5];
  int32_t numbers[4];
  void *bytes;
  size_t length;
  if (!arguments(env, info, 5, values, 4, numbers) || !bytesOf(env, values[4], &bytes, &length))
    return fail(env, WRONG, EINVAL);
  int v6 = numbers[0] == 6;
  if (length != (v6 ? 16 : 4)) return fail(env, WRONG, EINVAL);
  address at;
  memset(&at, 0, sizeof at);
  if (v6) {
    at.v6.sin6_family = AF_INET6;
    at.v6.sin6_port = htons((uint16_t)numbers[1]);
    memcpy(&at.v6.sin6_addr, bytes, 16);
  } else {
    at.v4.sin_family = AF_INET;
    at.v4.sin_port = htons((uint16_t)numbers[1]);
    memcpy(&at.v4.sin_addr, bytes, 4);
  }
  int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail(env, "socket", errno);
  int on = 1, size = numbers[3], failed = 0;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (v6) failed |= setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  /* An answer is never fragmented, and what an attacker says about the path changes nothing (RFC 9715). */
  int probe = v6 ? IPV6_PMTUDISC_PROBE : IP_PMTUDISC_PROBE;
  if (v6) failed |= setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof probe);
  else failed |= setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe);
  if (numbers[2]) failed |= setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  /* A socket on one address needs not be told which one was asked. */
  static const uint8_t wildcard[16];
  if (memcmp(bytes, wildcard, length) == 0)
    failed |= v6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on)
                 : setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  if (failed || bind(fd, &at.any, v6 ? sizeof at.v6 : sizeof at.v4) != 0) {
    int error = errno;
    close(fd);
    return fail(env, failed ? "setsockopt" : "bind", error);
  }
  return number(env, fd);
}

/* portOf(socket) */
static napi_value portOf(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int32_t fd;
  address at;
  socklen_t length = sizeof at;
  if (!arguments(env, info, 1, values, 1, &fd)) return fail(env, WRONG, EINVAL);
  if (getsockname(fd, &at.any, &length) != 0) return fail(env, "getsockname", errno);
  return number(env, ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port));
}

/* retire(socket): a connected socket gets packets of its peer alone, so the kernel gives new ones to others. */
static napi_value retire(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int32_t fd;
  address at;
  socklen_t length = sizeof at;
  if (!arguments(env, info, 1, values, 1, &fd)) return fail(env, WRONG, EINVAL);
  if (getsockname(fd, &at.any, &length) != 0 || connect(fd, &at.any, length) != 0)
    return fail(env, "connect", errno);
  return NULL;
}

/* closeSocket(socket) */
static napi_value closeSocket(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int32_t fd;
  if (!arguments(env, info, 1, values, 1, &fd)) return fail(env, WRONG, EINVAL);
  if (close(fd) != 0) return fail(env, "close", errno);
  return NULL;
}

/* openWake() */
static napi_value openWake(napi_env env, napi_callback_info info) {
  (void)info;
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? fail(env, "eventfd", errno) : number(env, fd);
}

/* wake(wake) */
static napi_value wake(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int32_t fd;
  if (!arguments(env, info, 1, values, 1, &fd)) return fail(env, WRONG, EINVAL);
  uint64_t one = 1;
  /* A full counter wakes as well. */
  if (write(fd, &one, sizeof one) < 0 && errno != EAGAIN) return fail(env, "write", errno);
  return NULL;
}

static void freeBatch(napi_env env, void *data, void *hint) {
  (void)hint;
  batch *b = data;
  for (int index = 0; index < 2; index++)
    if (b->buffers[index] != NULL) napi_delete_reference(env, b->buffers[index]);
  free(b);
}

static uint8_t *buffer(napi_env env, batch *b, int index, napi_value result, const char *name, size_t size) {
  void *data = NULL;
  napi_value value;
  if (napi_create_arraybuffer(env, size, &data, &value) != napi_ok) return NULL;
  if (napi_create_reference(env, value, 1, &b->buffers[index]) != napi_ok) return NULL;
  if (napi_set_named_property(env, result, name, value) != napi_ok) return NULL;
  return data;
}

/* create(wake, sockets as bytes of 32-bit numbers) */
static napi_value create(napi_env env, napi_callback_info info) {
  napi_value values[2], result, handle;
  int32_t wakeFd;
  void *sockets;
  size_t length;
  if (!arguments(env, info, 2, values, 1, &wakeFd) || !bytesOf(env, values[1], &sockets, &length))
    return fail(env, WRONG, EINVAL);
  if (length == 0 || length % sizeof(int) != 0 || length > sizeof(((batch *)0)->sockets))
    return fail(env, "a batch has 1 to 256 sockets", EINVAL);
  batch *b = calloc(1, sizeof *b);
  if (b == NULL) return fail(env, "no memory", EIO);
  memcpy(b->sockets, sockets, length);
  b->count = (int)(length / sizeof(int));
  b->wake = wakeFd;
  if (napi_create_external(env, b, freeBatch, NULL, &handle) != napi_ok) {
    free(b);
    return fail(env, "no memory", EIO);
  }
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "handle", handle);
  b->packets = buffer(env, b, 0, result, "packets", MESSAGES * PACKET_BYTES);
  b->meta = (int32_t *)buffer(env, b, 1, result, "meta", (MESSAGES * META_WORDS + 1) * sizeof(int32_t));
  if (b->packets == NULL || b->meta == NULL) return fail(env, "no memory", EIO);
  for (int index = 0; index < MESSAGES; index++) {
    b->inParts[index].iov_base = b->packets + index * PACKET_BYTES;
    b->inParts[index].iov_len = PACKET_BYTES;
    b->in[index].msg_hdr.msg_iov = &b->inParts[index];
    b->in[index].msg_hdr.msg_iovlen = 1;
    b->in[index].msg_hdr.msg_name = &b->peers[index];
    b->in[index].msg_hdr.msg_control = &b->controls[index];
  }
  napi_set_named_property(env, result, "messages", number(env, MESSAGES));
  napi_set_named_property(env, result, "packetBytes", number(env, PACKET_BYTES));
  return result;
}

/*
 * Keeps of what came with a message only where it was sent to, as the address to send from. The interface is
 * left to routing, but for link-local addresses, which mean nothing without it.
 */
static void turnControl(struct msghdr *message) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo *i = (struct in_pktinfo *)CMSG_DATA(c);
      i->ipi_ifindex = 0;
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo *i = (struct in6_pktinfo *)CMSG_DATA(c);
      if (!IN6_IS_ADDR_LINKLOCAL(&i->ipi6_addr)) i->ipi6_ifindex = 0;
    }
  }
}

/* Sends them all, or counts those that the system does not take. */
static void sendAll(batch *b, int count) {
  int sent = 0, waited = 0;
  while (sent < count) {
    long done = sendMany(b->from, b->out + sent, (unsigned)(count - sent));
    if (done > 0) {
      sent += (int)done;
      continue;
    }
    if (errno == EINTR) continue;
    if ((errno == EAGAIN || errno == EWOULDBLOCK) && !waited) {
      struct pollfd room = {.fd = b->from, .events = POLLOUT};
      waited = 1;
      if (poll(&room, 1, SEND_WAIT_MS) > 0) continue;
    }
    b->lost++;
    sent++;
  }
}

static void answerAll(batch *b) {
  int count = 0;
  for (int index = 0; index < b->received; index++) {
    int32_t length = b->meta[index * META_WORDS + 1];
    /* What is not within its slot is no answer. */
    if (length <= 0 || length > PACKET_BYTES) continue;
    struct msghdr *in = &b->in[index].msg_hdr, *out = &b->out[count].msg_hdr;
    *out = *in;
    out->msg_flags = 0;
    if (in->msg_controllen == 0) out->msg_control = NULL;
    else turnControl(out);
    out->msg_iov = &b->outParts[count];
    b->outParts[count++] = (struct iovec){b->packets + index * PACKET_BYTES, (size_t)length};
  }
  b->received = 0;
  sendAll(b, count);
}

static int receive(batch *b) {
  for (int tried = 0; tried < b->count; tried++) {
    int fd = b->sockets[b->next];
    b->next = b->next + 1 == b->count ? 0 : b->next + 1;
    for (int index = 0; index < MESSAGES; index++) {
      b->in[index].msg_hdr.msg_namelen = sizeof(address);
      b->in[index].msg_hdr.msg_controllen = sizeof(control);
    }
    int count = (int)receiveMany(fd, b->in);
    if (count <= 0) continue;
    b->from = fd;
    return count;
  }
  return 0;
}

/* exchange(timeoutMs, handle) */
static napi_value exchange(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int32_t timeout;
  batch *b;
  if (!arguments(env, info, 2, values, 1, &timeout) ||
      napi_get_value_external(env, values[1], (void **)&b) != napi_ok || b->meta == NULL || timeout < 0)
    return fail(env, WRONG, EINVAL);
  answerAll(b);
  int count = receive(b);
  if (count == 0 && timeout != 0) {
    struct pollfd waiting[MAX_SOCKETS + 1];
    for (int index = 0; index < b->count; index++)
      waiting[index] = (struct pollfd){.fd = b->sockets[index], .events = POLLIN};
    waiting[b->count] = (struct pollfd){.fd = b->wake, .events = POLLIN};
    if (poll(waiting, (nfds_t)b->count + 1, timeout) > 0) {
      uint64_t times;
      if (waiting[b->count].revents != 0 && read(b->wake, &times, sizeof times) < 0 && errno == EBADF)
        return fail(env, "read", errno);
      count = receive(b);
    }
  }
  for (int index = 0; index < count; index++) {
    int32_t *meta = b->meta + index * META_WORDS;
    address *remote = &b->peers[index];
    meta[0] = (int32_t)b->in[index].msg_len;
    meta[1] = meta[4] = 0;
    if (remote->any.sa_family == AF_INET6) {
      meta[2] = 6;
      memcpy(meta + 3, &remote->v6.sin6_addr, 8);
    } else {
      meta[2] = 4;
      memcpy(meta + 3, &remote->v4.sin_addr, 4);
    }
  }
  b->meta[MESSAGES * META_WORDS] = (int32_t)b->lost;
  b->received = count;
  return number(env, count);
}

/* peer(index, handle, into) */
static napi_value peerOf(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int32_t index;
  batch *b;
  void *into;
  size_t length;
  if (!arguments(env, info, 3, values, 1, &index) ||
      napi_get_value_external(env, values[1], (void **)&b) != napi_ok ||
      !bytesOf(env, values[2], &into, &length) || length != sizeof(peer) || index < 0 || index >= b->received)
    return fail(env, WRONG, EINVAL);
  struct msghdr *message = &b->in[index].msg_hdr;
  address *remote = &b->peers[index];
  peer p;
  memset(&p, 0, sizeof p);
  p.socket = b->from;
  if (remote->any.sa_family == AF_INET6) {
    p.family = 6;
    p.port = remote->v6.sin6_port;
    p.scope = remote->v6.sin6_scope_id;
    memcpy(p.remote, &remote->v6.sin6_addr, 16);
  } else {
    p.family = 4;
    p.port = remote->v4.sin_port;
    memcpy(p.remote, &remote->v4.sin_addr, 4);
  }
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      p.hasLocal = 1;
      memcpy(p.local, &((struct in_pktinfo *)CMSG_DATA(c))->ipi_spec_dst, 4);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo *i = (struct in6_pktinfo *)CMSG_DATA(c);
      p.hasLocal = 1;
      if (IN6_IS_ADDR_LINKLOCAL(&i->ipi6_addr)) p.interface = i->ipi6_ifindex;
      memcpy(p.local, &i->ipi6_addr, 16);
    }
  }
  memcpy(into, &p, sizeof p);
  return NULL;
}

/* send(length, bytes, peer): whether the system took it */
static napi_value sendOne(napi_env env, napi_callback_info info) {
  napi_value values[3], result;
  int32_t length;
  void *bytes, *to;
  size_t room, size;
  if (!arguments(env, info, 3, values, 1, &length) || !bytesOf(env, values[1], &bytes, &room) ||
      !bytesOf(env, values[2], &to, &size) || size != sizeof(peer) || length < 0 || (size_t)length > room)
    return fail(env, WRONG, EINVAL);
  peer p;
  memcpy(&p, to, sizeof p);
  address at;
  control c;
  memset(&at, 0, sizeof at);
  memset(&c, 0, sizeof c);
  struct iovec part = {bytes, (size_t)length};
  struct msghdr message = {.msg_name = &at, .msg_iov = &part, .msg_iovlen = 1};
  if (p.family == 6) {
    at.v6.sin6_family = AF_INET6;
    at.v6.sin6_port = p.port;
    at.v6.sin6_scope_id = p.scope;
    memcpy(&at.v6.sin6_addr, p.remote, 16);
    message.msg_namelen = sizeof at.v6;
  } else {
    at.v4.sin_family = AF_INET;
    at.v4.sin_port = p.port;
    memcpy(&at.v4.sin_addr, p.remote, 4);
    message.msg_namelen = sizeof at.v4;
  }
  if (p.hasLocal) {
    message.msg_control = &c;
    message.msg_controllen =
        p.family == 6 ? CMSG_SPACE(sizeof(struct in6_pktinfo)) : CMSG_SPACE(sizeof(struct in_pktinfo));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (p.family == 6) {
      header->cmsg_level = IPPROTO_IPV6;
      header->cmsg_type = IPV6_PKTINFO;
      header->cmsg_len = CMSG_LEN(sizeof(struct in6_pktinfo));
      struct in6_pktinfo i = {.ipi6_ifindex = p.interface};
      memcpy(&i.ipi6_addr, p.local, 16);
      memcpy(CMSG_DATA(header), &i, sizeof i);
    } else {
      header->cmsg_level = IPPROTO_IP;
      header->cmsg_type = IP_PKTINFO;
      header->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
      struct in_pktinfo i = {.ipi_ifindex = 0};
      memcpy(&i.ipi_spec_dst, p.local, 4);
      memcpy(CMSG_DATA(header), &i, sizeof i);
    }
  }
  ssize_t sent;
  do sent = sendmsg(p.socket, &message, MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  napi_get_boolean(env, sent == length, &result);
  return result;
}

/* Goes up with every change that the TypeScript of another version would not understand, with the one there. */
#ifndef REVISION
#define REVISION 1
#endif

NAPI_MODULE_INIT() {
  const struct {
    const char *name;
    napi_callback call;
  } functions[] = {{"open", openSocket}, {"portOf", portOf},     {"retire", retire},
                   {"close", closeSocket}, {"openWake", openWake}, {"wake", wake},
                   {"create", create},     {"exchange", exchange},
                   {"peer", peerOf},       {"send", sendOne}};
  for (size_t index = 0; index < sizeof functions / sizeof functions[0]; index++) {
    napi_value function;
    if (napi_create_function(env, functions[index].name, NAPI_AUTO_LENGTH, functions[index].call, NULL,
                             &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[index].name, function) != napi_ok)
      return NULL;
  }
  napi_value size, revision;
  napi_create_int32(env, sizeof(peer), &size);
  napi_set_named_property(env, exports, "peerBytes", size);
  napi_create_int32(env, REVISION, &revision);
  napi_set_named_property(env, exports, "revision", revision);
  return exports;
}
