"use strict";(self.rspackChunkneural_workbench=self.rspackChunkneural_workbench||[]).push([[1],{24(e,r,o){var t=o(25),n=o.n(t),a=o(26),i=(o.n(a))()(n());i.push([e.id,`.wb-Sidebar,
.wb-Table {
  background: var(--jp-layout-color1);
  color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size1);
  overflow: auto;
}

.wb-Sidebar {
  min-width: 220px;
  padding: 8px 12px;
}

.wb-head,
.wb-row,
.wb-run {
  align-items: center;
  display: flex;
  flex-wrap: wrap;
  gap: 6px;
}

.wb-head {
  justify-content: space-between;
}

.wb-title {
  font-size: var(--jp-ui-font-size2);
  font-weight: 600;
  margin: 4px 0;
}

.wb-list {
  list-style: none;
  margin: 8px 0;
  padding: 0;
}

.wb-item {
  border-top: 1px solid var(--jp-border-color2);
  padding: 8px 0;
}

.wb-mod-draggable {
  cursor: grab;
}

.wb-name {
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
  font-weight: 600;
  overflow-wrap: anywhere;
  unicode-bidi: isolate;
}

.wb-mod-training .wb-name::after {
  background: var(--jp-brand-color1);
  border-radius: 50%;
  content: '';
  display: inline-block;
  height: 8px;
  margin-inline-start: 6px;
  width: 8px;
}

.wb-meta {
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size1);
  margin: 2px 0;
  overflow-wrap: anywhere;
}

.wb-run {
  margin: 4px 0;
}

.wb-curve {
  flex: none;
  height: 24px;
  width: 98px;
}

.wb-curve polyline {
  fill: none;
  stroke: var(--jp-brand-color1);
  stroke-width: 1.5;
  vector-effect: non-scaling-stroke;
}

.wb-row {
  margin-top: 6px;
}

.wb-button {
  background: transparent;
  border: 1px solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius, 2px);
  color: var(--jp-ui-font-color1);
  cursor: pointer;
  font: inherit;
  min-height: 24px;
  padding: 2px 8px;
}

.wb-button:hover:enabled {
  background: var(--jp-layout-color2);
}

.wb-button:disabled {
  color: var(--jp-ui-font-color2);
  cursor: default;
}

.wb-button[hidden] {
  display: none;
}

.wb-button:focus-visible,
.wb-status:focus-visible,
.wb-filter:focus-visible,
.wb-Table:focus-visible {
  outline: 2px solid var(--jp-brand-color1);
  outline-offset: -1px;
}

.wb-status {
  align-items: center;
  background: transparent;
  border: 0;
  color: inherit;
  cursor: pointer;
  display: flex;
  font: inherit;
  height: 100%;
  padding: 0 6px;
}

.wb-Table {
  padding: 12px;
}

.wb-filter {
  background: var(--jp-input-background, var(--jp-layout-color1));
  border: 1px solid var(--jp-border-color1);
  color: var(--jp-ui-font-color1);
  font: inherit;
  margin: 6px 0;
  max-width: 100%;
  padding: 4px 8px;
  width: 240px;
}

.wb-layers {
  border-collapse: collapse;
  font-size: var(--jp-ui-font-size1);
}

.wb-layers[hidden],
.wb-filter[hidden] {
  display: none;
}

.wb-layers th {
  background: var(--jp-layout-color1);
  border-bottom: 1px solid var(--jp-border-color1);
  position: sticky;
  text-align: start;
  top: -12px;
}

.wb-layers th,
.wb-layers td {
  padding: 3px 16px 3px 0;
  white-space: nowrap;
}

.wb-layers td:first-child {
  font-family: var(--jp-code-font-family);
  unicode-bidi: isolate;
}

.wb-layers td {
  border-bottom: 1px solid var(--jp-border-color3);
  font-variant-numeric: tabular-nums;
}

.wb-layers .wb-mod-number {
  text-align: end;
}

@media (forced-colors: active) {
  .wb-curve polyline {
    stroke: CanvasText;
  }

  .wb-mod-training .wb-name::after {
    background: Highlight;
    forced-color-adjust: none;
  }
}
`,""]),o.d(r,{},{A:i})},26(e){e.exports=function(e){var r=[];return r.toString=function(){return this.map(function(r){var o="",t=void 0!==r[5];return r[4]&&(o+="@supports (".concat(r[4],") {")),r[2]&&(o+="@media ".concat(r[2]," {")),t&&(o+="@layer".concat(r[5].length>0?" ".concat(r[5]):""," {")),o+=e(r),t&&(o+="}"),r[2]&&(o+="}"),r[4]&&(o+="}"),o}).join("")},r.i=function(e,o,t,n,a){"string"==typeof e&&(e=[[null,e,void 0]]);var i={};if(t)for(var s=0;s<this.length;s++){var c=this[s][0];null!=c&&(i[c]=!0)}for(var l=0;l<e.length;l++){var p=[].concat(e[l]);t&&i[p[0]]||(void 0!==a&&(void 0===p[5]||(p[1]="@layer".concat(p[5].length>0?" ".concat(p[5]):""," {").concat(p[1],"}")),p[5]=a),o&&(p[2]&&(p[1]="@media ".concat(p[2]," {").concat(p[1],"}")),p[2]=o),n&&(p[4]?(p[1]="@supports (".concat(p[4],") {").concat(p[1],"}"),p[4]=n):p[4]="".concat(n)),r.push(p))}},r}},25(e){e.exports=function(e){return e[1]}},18(e){var r=[];function o(e){for(var o=-1,t=0;t<r.length;t++)if(r[t].identifier===e){o=t;break}return o}function t(e,t){for(var n={},a=[],i=0;i<e.length;i++){var s=e[i],c=t.base?s[0]+t.base:s[0],l=n[c]||0,p="".concat(c," ").concat(l);n[c]=l+1;var d=o(p),u={css:s[1],media:s[2],sourceMap:s[3],supports:s[4],layer:s[5]};if(-1!==d)r[d].references++,r[d].updater(u);else{var b=function(e,r){var o=r.domAPI(r);return o.update(e),function(r){r?(r.css!==e.css||r.media!==e.media||r.sourceMap!==e.sourceMap||r.supports!==e.supports||r.layer!==e.layer)&&o.update(e=r):o.remove()}}(u,t);t.byIndex=i,r.splice(i,0,{identifier:p,updater:b,references:1})}a.push(p)}return a}e.exports=function(e,n){var a=t(e=e||[],n=n||{});return function(e){e=e||[];for(var i=0;i<a.length;i++){var s=o(a[i]);r[s].references--}for(var c=t(e,n),l=0;l<a.length;l++){var p=o(a[l]);0===r[p].references&&(r[p].updater(),r.splice(p,1))}a=c}}},20(e){var r={};e.exports=function(e,o){var t=function(e){if(void 0===r[e]){var o=document.querySelector(e);if(window.HTMLIFrameElement&&o instanceof window.HTMLIFrameElement)try{o=o.contentDocument.head}catch(e){o=null}r[e]=o}return r[e]}(e);if(!t)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");t.appendChild(o)}},22(e){e.exports=function(e){var r=document.createElement("style");return e.setAttributes(r,e.attributes),e.insert(r,e.options),r}},21(e,r,o){e.exports=function(e){var r=o.nc;r&&e.setAttribute("nonce",r)}},19(e){e.exports=function(e){if("u"<typeof document)return{update:function(){},remove:function(){}};var r=e.insertStyleElement(e);return{update:function(o){var t,n,a;t="",o.supports&&(t+="@supports (".concat(o.supports,") {")),o.media&&(t+="@media ".concat(o.media," {")),(n=void 0!==o.layer)&&(t+="@layer".concat(o.layer.length>0?" ".concat(o.layer):""," {")),t+=o.css,n&&(t+="}"),o.media&&(t+="}"),o.supports&&(t+="}"),(a=o.sourceMap)&&"u">typeof btoa&&(t+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(a))))," */")),e.styleTagTransform(t,r,e.options)},remove:function(){var e;null===(e=r).parentNode||e.parentNode.removeChild(e)}}}},23(e){e.exports=function(e,r){if(r.styleSheet)r.styleSheet.cssText=e;else{for(;r.firstChild;)r.removeChild(r.firstChild);r.appendChild(document.createTextNode(e))}}},17(e,r,o){var t=o(18),n=o.n(t),a=o(19),i=o.n(a),s=o(20),c=o.n(s),l=o(21),p=o.n(l),d=o(22),u=o.n(d),b=o(23),f=o.n(b),v=o(24),w={};w.styleTagTransform=f(),w.setAttributes=p(),w.insert=c().bind(null,"head"),w.domAPI=i(),w.insertStyleElement=u(),n()(v.A,w),v.A&&v.A.locals&&v.A.locals}}]);