// A naive JSON echo on node:http, as one writes it on the first day: JSON.parse, maths in JavaScript, reply in the callback.
// Usage: node naive-echo.mjs; prints its port.
import http from 'node:http';

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { instances } = JSON.parse(Buffer.concat(chunks).toString());
    const body = JSON.stringify({ predictions: instances.map((x) => x * 0.5 + 2) });
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
