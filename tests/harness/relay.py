# SPDX-License-Identifier: Apache-2.0
"""A TCP relay that loses what a test wants lost: standard library only."""
import asyncio
import threading

UP, DOWN = 'up', 'down'  # to the target, from it
PASS, HOLD, SWALLOW = 'pass', 'hold', 'swallow'


class Relay:
    """Relay(target port, its host): connections to .port go to the target. way[UP] and way[DOWN] may be changed at any time: PASS;
    HOLD: nothing gets through, nothing is lost; SWALLOW: what comes is kept in .swallowed instead, for ever."""
    lock, loop = threading.Lock(), None

    def __init__(self, target, host='127.0.0.1'):
        self.host, self.target, self.writers = host, target, set()
        self.way, self.swallowed = {UP: PASS, DOWN: PASS}, {UP: b'', DOWN: b''}
        with Relay.lock:
            if not Relay.loop:
                Relay.loop = asyncio.new_event_loop()
                threading.Thread(target=Relay.loop.run_forever, daemon=True).start()
        self.port = asyncio.run_coroutine_threadsafe(self._serve(), Relay.loop).result(10)

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}'

    def set(self, way):
        """Both ways."""
        self.way = {UP: way, DOWN: way}

    def cut(self):
        """Resets all connections; new ones may come."""
        async def abort():
            for w in self.writers:
                w.transport.abort()
        asyncio.run_coroutine_threadsafe(abort(), Relay.loop).result(10)

    async def _serve(self):
        self.listener = await asyncio.start_server(self._accept, '127.0.0.1', 0)
        return self.listener.sockets[0].getsockname()[1]

    async def _accept(self, reader, writer):
        try:
            r, w = await asyncio.open_connection(self.host, self.target)
        except OSError:
            writer.close()
            return
        self.writers |= {writer, w}
        await asyncio.gather(self._pump(UP, reader, w), self._pump(DOWN, r, writer))
        self.writers -= {writer, w}

    async def _read(self, _way, reader):
        """What goes through as one; nothing: the end."""
        return await reader.read(65536)

    async def _pump(self, way, reader, writer):
        try:
            while data := await self._read(way, reader):
                while self.way[way] == HOLD and not writer.is_closing():
                    await asyncio.sleep(0.02)
                if self.way[way] == SWALLOW:
                    self.swallowed[way] += data
                    continue
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()


class FrameRelay(Relay):
    """… of HTTP/2, which can lose a single stream."""

    def __init__(self, *target):
        self.lost = {}  # of the connection whose target's end this reads from
        super().__init__(*target)

    def lose(self, stream):
        """What the target says on it, of the connections that are there."""
        for lost in list(self.lost.values()):
            lost.add(stream)

    async def _read(self, way, reader):
        if way == UP:
            return await super()._read(way, reader)
        lost = self.lost.setdefault(reader, set())
        try:
            while True:
                head = await reader.readexactly(9)
                body = await reader.readexactly(int.from_bytes(head[:3], 'big'))
                if int.from_bytes(head[5:], 'big') & 0x7fffffff not in lost:
                    return head + body
        except EOFError:
            self.lost.pop(reader, None)
            return b''
