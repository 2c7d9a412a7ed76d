// Small programs, each about one rule of JavaScript that a translation gets wrong easily. They are run as they stand for the expected results.
"use strict";

const A = (n, k = 1) => Float64Array.from({ length: n }, (_, i) => ((i * 7) % 11 / 11 + 0.1) * k);

function total(a){ let s=0; for(let i=0;i<a.length;i++) s+=a[i]; return s; }
function whileCount(a){ let i=0, s=0; while(i<a.length){ s+=a[i]*i; i+=2; } return s; }
function doWhile(x){ let n=0; do { x/=2; n++; } while(x>1); return [x,n]; }
function breakCont(a,t){ let s=0; for(let i=0;i<a.length;i++){ if(a[i]>t) break; if(a[i]<0.3) continue; s+=a[i]; } return s; }
function labels(n){ let c=0; outer: for(let i=0;i<n;i++){ for(let j=0;j<n;j++){ if(j===2) continue outer; if(i===3) break outer; c+=i*10+j; } } return c; }
function exitValue(a){ let i; for(i=0;i<a.length;i++){ if(a[i]>0.9) break; } return i; }
function exitValue2(n){ let i; for(i=0;i<n;i+=3){} return i; }
function swap(a,b,n){ let u=a, v=b; for(let t=0;t<n;t++){ for(let i=1;i<u.length-1;i++) v[i]=u[i-1]+u[i+1]; const tmp=u; u=v; v=tmp; } return u[1]; }
function swap2(a,b,n){ for(let t=0;t<n;t++){ for(let i=1;i<a.length-1;i++) b[i]=a[i-1]+a[i+1]; [a,b]=[b,a]; } return a[1]; }
function newArrayEachStep(a,n){ let u=a; for(let t=0;t<n;t++){ const w=new Float64Array(u.length); for(let i=0;i<u.length;i++) w[i]=u[i]*0.5+1; u=w; } return u; }
function switched(k,x){ let y=0; switch(k){ case 0: y=x; break; case 1: y=2*x; case 2: y+=1; break; default: y=-x; } return y; }
function intIndex(a){ let k=0; const out=new Float64Array(a.length); for(let i=0;i<a.length;i++){ if(a[i]>0.5){ out[k]=a[i]; k++; } } return [out,k]; }
function postinc(n){ const a=new Float64Array(n*n); let c=0; for(let i=0;i<n;i++) for(let j=0;j<n;j++) a[c++]=i*10+j; return a; }
function div(n){ const h=n/2; return h+Math.floor(n/2)+(n/2|0)+n%3; }
function mid(a,n){ return a[(n/2)|0]+a[Math.floor(n/3)]+a[n>>1]; }
function neg(n){ return [-n%3, Math.floor(-n/2), (-n/2)|0, -n>>1]; }
function nested(g){ let s=0; for(let i=0;i<g.length;i++) for(let j=0;j<g[i].length;j++) s+=g[i][j]*(i+1); g[1][2]=9; return s; }
function forof(a){ let s=0; for(const x of a) s=s*0.5+x; return s; }
function obj2(a){ const p={x:a[0],y:a[1]}; p.x=p.x*2; const {x,y}=p; return x+y; }
function lit(n){ const w=[0.25,0.5,0.25]; let s=0; for(let i=0;i<n;i++) s+=w[i%3]*i; return s; }
function litset(n){ const w=[0,0,0]; for(let i=0;i<n;i++) w[i%3]+=i; return w[0]*100+w[1]*10+w[2]; }
function tern(a){ let s=0; for(let i=0;i<a.length;i++) s+= i>0 ? a[i-1] : 5; return s; }
function either(a,b){ const x=a||b; const y=a&&b; return [x,y]; }
function inner(a){ let total=0; function add(v){ total+=v; } for(let i=0;i<a.length;i++) add(a[i]); return total; }
function float32(a){ const b=new Float32Array(a.length); for(let i=0;i<a.length;i++) b[i]=a[i]*1.1; let s=0; for(const x of b) s+=x; return s; }
function int32(n){ const c=new Int32Array(4); for(let i=0;i<n;i++) c[i%4]+=i; return c[0]+c[3]*2; }
function uint8(n){ const c=new Uint8Array(2); for(let i=0;i<n;i++) c[i%2]+=100; return c[0]+c[1]; }
function fact(n){ let r=1; for(let i=2;i<=n;i++) r*=i; return r; }
function collatz(n){ let c=0; while(n!==1){ n = n%2===0 ? n/2 : 3*n+1; c++; } return c; }
function withDefault(x,y=2){ return x*y; }
function gcd(a,b){ while(b!==0){ const t=a%b; a=b; b=t; } return a; }
function early(a){ for(let i=0;i<a.length;i++) if(a[i]>0.9) return i; return -1; }
function methods(a){ const b=a.slice(1,3); b[0]=7; const c=a.subarray(2); c[0]=8; return a.map((x,i)=>x*i).reduce((s,x)=>s+x,0)+b[0]; }
function fill(n){ const a=new Float64Array(n).fill(2); a.fill(3,1,2); a.set([5,6],n-2); return a; }
function largest(a){ let m=-Infinity; for(const x of a) m=Math.max(m,x); return m; }
function bits(n){ let x=n; x^=x<<13; x^=x>>>17; x^=x<<5; return x>>>0; }
function destruct(a){ let [x,y]=[a[0],a[1]]; [x,y]=[y,x]; return x-2*y; }
function nullish(x){ let y=null; y=y??3; return x+y; }
function accum2(a){ let s=0,p=1; for(let i=0;i<a.length;i++){ [s,p]=[s+p*a[i],p*0.5]; } return s; }
function stateobj(a){ const st={n:0,s:0}; for(let i=0;i<a.length;i++){ st.n+=1; st.s+=a[i]; } return st.s/st.n; }
function anyAbove(a){ let found=false; for(let i=0;i<a.length;i++) if(a[i]>0.9) found=true; return found; }
function decr(a){ for(let i=a.length-2;i>=0;i--) a[i]+=0.5*a[i+1]; }
function floatStep(n){ let s=0; for(let x=0;x<1;x+=0.25) s+=x*n; return s; }
function bound(a,n){ let s=0; for(let i=0;i<n/2;i++) s+=a[i]; return s; }

function loopInOneArm(a,c){ let s=0.5; if(c>0.5) s=Math.sin(c); else for(let i=0;i<a.length;i++){ if(s>0.78) break; s+=a[i]; } return s; }
function loopInEachArm(a,c){ let s=0.5, n=0; if(c>0.5) { while(s<2){ s*=1.5; n++; if(a[0]*s>1) break; } } else { for(let i=0;i<a.length;i++){ if(a[i]>c) continue; s+=a[i]; if(s>1) break; n+=2; } } return [s,n]; }
function arrayInOneArm(a,c){ let u=a; if(c>0.5) u=new Float64Array(3).fill(c); else for(let i=0;i<2;i++){ u=u.map(x=>x*0.5); if(u[0]<0.1) break; } return u[1]; }

/** Argument lists by function. */
const kinds = (x, y) => (x === undefined ? 1 : 0) + (x === null ? 2 : 0) + (x == null ? 4 : 0) + (x == undefined ? 8 : 0) + (x !== undefined ? 16 : 0) + (x !== null ? 32 : 0) + (typeof x === "undefined" ? 64 : 0) + (typeof x === "object" ? 128 : 0) + y;
const nullLocals = (y) => { const z = null; let w; const f = (p = 3) => (p === null ? 100 : p), g = (p) => { if (p > 1) return; return null; }; const { a = 5, b = 6 } = { a: null }; return (z === w ? 4 : 0) + (z == w ? 8 : 0) + f(null) + f(undefined) + f() + (g(0) === null ? 0.5 : 0) + (g(2) === undefined ? 0.25 : 0) + (g(0) === g(2) ? 16 : 0) + (a === null ? 1 : 0) + b + y; };
function blocks(a, n) { const m = Math.floor(a.length / n), b = new Float64Array(m); for (let i = 0; i < m; i++) b[i] = a[i * n]; return b; }
function truncatedSize(a, n) { const m = a.length / n | 0, b = new Float64Array(m); for (let i = 0; i < m; i++) b[i] = a[i] * 2; return b; }
function halves(a) { const h = a.length / 2, b = new Float64Array(h); for (let i = 0; i < h; i++) b[i] = a[i] * a[i + h]; return b; }
function rowsOf(a, m) { const n = a.length / m, b = new Float64Array(n); for (let j = 0; j < n; j++) for (let i = 0; i < m; i++) b[j] += a[i * n + j]; return b; }
function halfway(a) { const h = a.length / 2; let s = 0; for (let i = 0; i < h; i++) s += a[i]; return s; }
function diagonalOf(a) { const n = Math.floor(Math.sqrt(a.length)); let s = 0; for (let i = 0; i < n; i++) s += a[i * n] * i; return s; }
function byZero(n, m) { const q = Math.floor(n / m), a = new Int32Array(3); a[0] = q; a[1] = n / m; a[2] = q > 3 ? 1 : 0; return a; }
function byZeroReturned(n, m) { return [Math.floor(n / m), Math.trunc(n / m), Math.ceil(n / m), n % m, (n / m) | 0, Math.round(n / m)].reduce((s, x, i) => (Number.isFinite(x) ? s + x : s + (x > 0 ? 100 : x < 0 ? 200 : 300) * (i + 1)), 0); }
function sizeByZero(a, m) { let s = 0; for (let i = 0; i < 3; i++) s += Math.floor(a.length / m); return s; }
const CASES = {
  loopInOneArm: [[A(5),0.9],[A(5),0.1],[A(1),0.1]],
  loopInEachArm: [[A(5),0.9],[A(5),0.2],[A(5,3),0.7]],
  arrayInOneArm: [[A(3),0.9],[A(3),0.1]],
  total: [[A(6)]],
  whileCount: [[A(7)]],
  doWhile: [[100],[0.5]],
  breakCont: [[A(8),0.9],[A(8),9]],
  labels: [[5],[2]],
  exitValue: [[A(8)],[A(1)]],
  exitValue2: [[7],[0]],
  swap: [[A(6),A(6,2),3],[A(6),A(6,2),4],[A(6),A(6,2),0]],
  swap2: [[A(6),A(6,2),3],[A(6),A(6,2),4]],
  newArrayEachStep: [[A(5),3]],
  switched: [[0,3],[1,3],[2,3],[7,3]],
  intIndex: [[A(8)]],
  postinc: [[4]],
  div: [[7],[8]],
  mid: [[A(8),7]],
  neg: [[7]],
  nested: [[[[1,2,3],[4,5,6]]]],
  forof: [[A(5)]],
  obj2: [[A(3)]],
  lit: [[7]],
  litset: [[7]],
  tern: [[A(4)]],
  either: [[0,3],[2,3]],
  inner: [[A(5)]],
  float32: [[A(5)]],
  int32: [[9]],
  uint8: [[9]],
  fact: [[25]],
  collatz: [[27]],
  withDefault: [[3],[3,4]],
  gcd: [[48,18]],
  early: [[A(8)],[A(1)]],
  methods: [[A(5)]],
  fill: [[5]],
  largest: [[A(5)]],
  bits: [[12345]],
  destruct: [[A(3)]],
  nullish: [[1]],
  accum2: [[A(5)]],
  stateobj: [[A(5)]],
  anyAbove: [[A(8)],[A(1)]],
  decr: [[A(6)]],
  floatStep: [[3]],
  bound: [[A(8),5],[A(8),6]],
  kinds: [[null,0.5],[undefined,0.5],[3,0.5],[null,0.25]],
  nullLocals: [[0.125]],
  blocks: [[A(12),3],[A(12),4]],
  truncatedSize: [[A(12),5],[A(9),3]],
  halves: [[A(12)],[A(6)]],
  rowsOf: [[A(12),4]],
  halfway: [[A(8)],[A(7)]],
  diagonalOf: [[A(9)],[A(12)]],
  byZero: [[5,0],[0,0],[-5,0],[7,2]],
  byZeroReturned: [[5,0],[0,0],[-5,0],[7,2],[7,-2],[-7,2]],
  sizeByZero: [[A(4),0],[A(4),3],[A(4),-3]],
};
module.exports = { CASES, functions: { loopInOneArm, loopInEachArm, arrayInOneArm, total, whileCount, doWhile, breakCont, labels, exitValue, exitValue2, swap, swap2, newArrayEachStep, switched, intIndex, postinc, div, mid, neg, nested, forof, obj2, lit, litset, tern, either, inner, float32, int32, uint8, fact, collatz, withDefault, gcd, early, methods, fill, largest, bits, destruct, nullish, accum2, stateobj, anyAbove, decr, floatStep, bound, kinds, nullLocals, blocks, truncatedSize, halves, rowsOf, halfway, diagonalOf, byZero, byZeroReturned, sizeByZero } };
